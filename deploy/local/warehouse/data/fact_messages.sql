SELECT i, p AS life, 'MSG-' || i AS message_id, 'INT-' || p AS interaction_id, account_name(location_of(p)) AS account_id,
    guest_of(p) AS customer_id, CASE WHEN i % 2 = 0 THEN 'inbound' ELSE 'outbound' END AS direction,
    words_of(i, 'message') AS message_text, 10 + h(i, 'length') % 300 AS character_count,
    count_of(i, 'sequence', n_messages())::DECIMAL(38, 0) * CASE WHEN (i * 8) // n_messages() = 7 THEN 100000000000000000000 ELSE 1 END AS sequence_number,
    units_of(i, 'cost', n_messages()) * 0.000001 AS cost, i % 4 = 0 AS is_automated,
    CASE WHEN i % 16 = 3 THEN unhex(md5(i::VARCHAR)) ELSE '\x00\x01'::BLOB END AS content_digest,
    '{"carrier":' || (h(i, 'carrier') % 7) || '}' AS payload,
    moment AS created_at_datetime, moment::DATE AS created_at_date, moment + INTERVAL 5 MINUTE AS ingested_at_datetime
FROM (SELECT i, p, instant_of(p, n_interactions()) + (i % 50)::INTEGER * INTERVAL 1 MINUTE AS moment
    FROM (SELECT i, CASE WHEN i < 36 THEN i ELSE i * n_interactions() // n_messages() END AS p FROM range(n_messages()) AS r(i)))
