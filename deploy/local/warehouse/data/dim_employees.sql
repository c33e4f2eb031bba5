SELECT i, -1 AS life, 'EMP-' || lpad(i::VARCHAR, 6, '0') AS employee_id, location_name(l) AS location_id,
    account_name(l) AS account_id, brand_of(l) AS brand,
    pick(i, 'first', ['Ana', 'Ben', 'Chloé', 'Dmitri', 'Eun-ji', 'Fatima', 'Göran', 'Hana']) || ' ' || chr((65 + i % 26)::INTEGER) || '.' AS display_name,
    'employee' || i || '@example.com' AS email, '+1555' || lpad((h(i, 'phone') % 10000000)::VARCHAR, 7, '0') AS phone,
    pick(i, 'role', ['manager', 'server', 'host', 'trainer', 'other']) AS role, i % 7 <> 6 AS active,
    DATE '2015-01-01' + (h(i, 'hired') % 3600)::INTEGER AS hired_on,
    CASE WHEN i % 7 = 6 THEN DATE '2025-01-01' + (h(i, 'left') % 300)::INTEGER END AS left_on,
    h(i, 'mentions') % 500 AS mention_count, instant_of(i, 900) AS updated_at_datetime
FROM (SELECT i, location_of(i) AS l FROM range(900) AS r(i))
