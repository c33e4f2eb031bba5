SELECT i, i AS life, 'INT-' || i AS interaction_id, location_name(l) AS location_id, account_name(l) AS account_id,
    brand_of(l) AS brand, guest_of(i) AS customer_id, '+1555' || lpad((h(i, 'phone') % 10000000)::VARCHAR, 7, '0') AS guest_phone,
    pick(i, 'channel', ['sms', 'email', 'webchat', 'phone']) AS channel, h(i, 'messages') % 40 AS message_count,
    units_of(i, 'response', n_interactions()) * 0.001 AS first_response_seconds, i % 5 <> 0 AS resolved,
    words_of(i, 'subject') AS subject_text, '{"queue":"' || pick(i, 'queue', ['front', 'back']) || '","priority":' || (i % 3) || '}' AS attributes,
    moment + INTERVAL 3 HOUR AS closed_at_datetime, moment AS created_at_datetime, moment::DATE AS created_at_date,
    moment + INTERVAL 10 MINUTE AS ingested_at_datetime
FROM (SELECT i, location_of(i) AS l, instant_of(i, n_interactions()) AS moment FROM range(n_interactions()) AS r(i))
