SELECT i, i AS life, location_name(l) AS location_id, DATE '2024-01-01' + (i // 60)::INTEGER AS date_id, account_name(l) AS account_id,
    brand_of(l) AS brand, h(i, 'reviews') % 40 AS review_count, (10000 + h(i, 'rating') % 40001)::DECIMAL(6, 0) * 0.0001 AS average_rating,
    h(i, 'interactions') % 100 AS interaction_count, count_of(i, 'transactions', n_stats()) AS transaction_count,
    units_of(i, 'gross', n_stats()) * 0.01 AS gross_revenue, units_of(i, 'net', n_stats()) * 0.0000000001 AS net_revenue,
    (h(i, 'rate') % 1001)::DOUBLE / 1000 AS response_rate, i % 60 <> 59 AS is_complete,
    DATE '2024-01-01' + (i // 60)::INTEGER + INTERVAL 36 HOUR AS ingested_at_datetime
FROM (SELECT i, i % 60 AS l FROM range(n_stats()) AS r(i))
