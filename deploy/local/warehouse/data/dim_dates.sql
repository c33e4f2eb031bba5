SELECT i, -1 AS life, d AS date_id, year(d) AS year, quarter(d) AS quarter, month(d) AS month, day(d) AS day, week(d) AS week,
    dayname(d)[1:3] AS day_name_short, dayname(d) AS day_name, monthname(d)[1:3] AS month_name_short,
    monthname(d) AS month_name, isodow(d) >= 6 AS is_weekend,
    CASE WHEN month(d) = 1 AND day(d) = 1 THEN 'New Year''s Day' WHEN month(d) = 7 AND day(d) = 4 THEN 'Independence Day'
        WHEN month(d) = 12 AND day(d) = 25 THEN 'Christmas Day' END AS holiday_name
FROM (SELECT i, DATE '2024-01-01' + i::INTEGER AS d FROM range(1096) AS r(i))
