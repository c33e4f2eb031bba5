SELECT i, i AS life, 'REV-' || i AS review_id, location_name(l) AS location_id, account_name(l) AS account_id, brand_of(l) AS brand,
    guest_of(i) AS customer_id, 'Guest ' || (h(i, 'reviewer') % 9000) AS reviewer_name,
    pick(i, 'platform', ['google', 'yelp', 'tripadvisor', 'facebook']) AS platform,
    (10 + h(i, 'rating') % 41)::DECIMAL(3, 0) * 0.1 AS rating, words_of(i, 'review') AS review_text,
    (h(i, 'sentiment') % 2000001)::DOUBLE / 1000000 - 1 AS sentiment_score, i % 3 = 0 AS has_response,
    count_of(i, 'response', n_reviews()) AS response_seconds,
    '["' || pick(i, 'topic', ['service', 'price', 'wait', 'room']) || '"]' AS topics,
    '{"stars":' || (h(i, 'stars') % 5) || ',"source":"crawl"}' AS payload,
    moment AS created_at_datetime, moment::DATE AS created_at_date, moment + INTERVAL 45 MINUTE AS ingested_at_datetime
FROM (SELECT i, location_of(i) AS l, instant_of(i, n_reviews()) AS moment FROM range(n_reviews()) AS r(i))
