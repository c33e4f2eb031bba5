-- One version of every review, and a second one of every other.
SELECT i, p AS life, 'REV-' || p AS review_id, v AS version_number, location_name(l) AS location_id, account_name(l) AS account_id,
    brand_of(l) AS brand, guest_of(p) AS customer_id, (10 + h(i, 'rating') % 41)::DECIMAL(3, 0) * 0.1 AS rating,
    words_of(i, 'version') AS review_text, v = 2 OR p % 2 = 1 AS is_latest,
    CASE WHEN v = 1 THEN 'created' WHEN h(i, 'kind') % 9 = 0 THEN 'deleted' ELSE 'edited' END AS change_kind,
    moment + INTERVAL 2 HOUR AS observed_at_datetime, moment AS created_at_datetime, moment::DATE AS created_at_date,
    moment + INTERVAL 3 HOUR AS ingested_at_datetime
FROM (SELECT i, p, v, location_of(p) AS l, instant_of(p, n_reviews()) + (v - 1)::INTEGER * INTERVAL 1 DAY AS moment
    FROM (SELECT i, CASE WHEN i < n_reviews() THEN i ELSE (i - n_reviews()) * 2 END AS p, CASE WHEN i < n_reviews() THEN 1 ELSE 2 END AS v
        FROM range(n_reviews() + n_reviews() // 2) AS r(i)))
