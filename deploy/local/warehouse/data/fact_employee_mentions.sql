SELECT i, p AS life, 'MEN-' || i AS mention_id, 'EMP-' || lpad((h(i, 'employee') % 900)::VARCHAR, 6, '0') AS employee_id,
    'REV-' || p AS review_id, location_name(l) AS location_id, account_name(l) AS account_id, brand_of(l) AS brand,
    words_of(i, 'mention') AS mention_text, pick(i, 'sentiment', ['positive', 'neutral', 'negative']) AS sentiment,
    (h(i, 'confidence') % 1000001)::DOUBLE / 1000000 AS confidence,
    pick(i, 'status', ['pending', 'confirmed', 'rejected']) AS manual_review_status,
    units_of(i, 'bonus', n_mentions()) * 0.01 AS bonus_amount,
    moment AS created_at_datetime, moment::DATE AS created_at_date, moment + INTERVAL 1 HOUR AS ingested_at_datetime
FROM (SELECT i, p, location_of(p) AS l, instant_of(p, n_reviews()) AS moment
    FROM (SELECT i, CASE WHEN i < 36 THEN i ELSE i * n_reviews() // n_mentions() END AS p FROM range(n_mentions()) AS r(i)))
