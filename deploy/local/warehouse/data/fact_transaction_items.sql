SELECT i, p AS life, 'ITM-' || i AS item_id, 'TXN-' || p AS transaction_id, account_name(location_of(p)) AS account_id,
    1 + i % 2 AS line_number,
    pick(i, 'name', ['Margherita', 'Espresso', 'Day pass', 'Late checkout', 'Crème brûlée', 'Towel', 'Smoothie', 'Parking']) AS item_name,
    pick(i, 'category', ['food', 'drink', 'service', 'retail']) AS category,
    (1000 + h(i, 'quantity') % 4000)::DECIMAL(9, 0) * 0.001 AS quantity, units * 0.01 AS unit_price,
    units * 0.0001000000 AS line_amount, (h(i, 'discount') % 51)::DOUBLE / 100 AS discount_rate, i % 9 = 0 AS is_modifier,
    CASE WHEN i % 4 = 0 THEN '{"sku":' || (h(i, 'sku') % 1000) || '}' END AS payload,
    moment AS created_at_datetime, moment::DATE AS created_at_date, moment + INTERVAL 55 MINUTE AS ingested_at_datetime
FROM (SELECT i, p, instant_of(p, n_transactions()) AS moment, units_of(i, 'price', n_items()) AS units
    FROM (SELECT i, CASE WHEN i < 36 THEN i WHEN i % 5 = 0 THEN (i // 2 + 1) % n_transactions() ELSE i // 2 END AS p
        FROM range(n_items()) AS r(i)))
