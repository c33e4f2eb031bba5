SELECT i, i AS life, 'SAV-' || i AS saved_id, location_name(l) AS location_id, account_name(l) AS account_id, brand_of(l) AS brand,
    guest_of(i) AS customer_id, pick(i, 'outcome', ['returned', 'promised', 'lost']) AS outcome,
    units_of(i, 'revenue', n_saved()) * 0.01 AS saved_revenue,
    units_of(i, 'lifetime', n_saved()) * 0.0000000001 AS lifetime_value, count_of(i, 'visits', n_saved()) AS visit_count,
    moment::DATE + (h(i, 'return') % 30)::INTEGER AS first_return_date, words_of(i, 'notes') AS notes,
    moment AS created_at_datetime, moment::DATE AS created_at_date, moment + INTERVAL 30 MINUTE AS ingested_at_datetime
FROM (SELECT i, location_of(i) AS l, instant_of(i, n_saved()) AS moment FROM range(n_saved()) AS r(i))
