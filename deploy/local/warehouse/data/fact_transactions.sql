SELECT i, i AS life, 'TXN-' || i AS transaction_id, location_name(l) AS location_id, account_name(l) AS account_id, brand_of(l) AS brand,
    guest_of(i) AS customer_id, count_of(i, 'pos', n_transactions()) AS pos_number,
    CASE h(i, 'status') % 40 WHEN 0 THEN 'refunded' WHEN 1 THEN 'voided' ELSE 'paid' END AS status, 'USD' AS currency,
    units * 0.01 AS subtotal_amount, (units * 0.08)::DECIMAL(12, 0) * 0.01 AS tax_amount,
    (h(i, 'tip') % 2000)::DECIMAL(12, 0) * 0.01 AS tip_amount, units * 1.08 * 0.01 AS total_amount,
    1 + h(i, 'items') % 3 AS item_count, h(i, 'status') % 40 = 0 AS is_refund,
    moment + INTERVAL 40 MINUTE AS closed_at_datetime, moment AS created_at_datetime, moment::DATE AS created_at_date,
    moment + INTERVAL 55 MINUTE AS ingested_at_datetime
FROM (SELECT i, location_of(i) AS l, instant_of(i, n_transactions()) AS moment, units_of(i, 'subtotal', n_transactions()) AS units
    FROM range(n_transactions()) AS r(i))
