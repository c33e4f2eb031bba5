SELECT i, -1 AS life, location_name(i) AS location_id, account_name(i) AS account_id, brand_of(i) AS brand,
    brand_of(i) || ' ' || (i + 1) AS name, i % 11 <> 10 AS active,
    CASE WHEN i >= 54 THEN 'other' WHEN i % 3 = 0 THEN 'restaurant' WHEN i % 3 = 1 THEN 'fitness' ELSE 'hospitality' END AS industry,
    i % 20 = 7 AS internal,
    pick(i % 9 // 3, 'region', ['Northeast', 'Midwest', 'South', 'West']) AS us_region_4,
    pick(i % 9, 'division', ['New England', 'Mountain', 'Pacific', 'South Atlantic', 'East North Central']) AS us_region_9,
    pick(i, 'state', ['MA', 'NY', 'IL', 'TX', 'CA', 'WA', 'CO', 'FL']) AS state,
    pick(i, 'city', ['Boston', 'Albany', 'Chicago', 'Austin', 'San José', 'Tacoma', 'Denver', 'Miami']) AS city,
    lpad((h(i, 'postal') % 100000)::VARCHAR, 5, '0') AS postal_code,
    (25000000 + h(i, 'latitude') % 24000000)::DECIMAL(9, 0) * 0.000001 AS latitude,
    -(67000000 + h(i, 'longitude') % 56000000)::DECIMAL(9, 0) * 0.000001 AS longitude,
    DATE '2005-01-01' + (h(i, 'opened') % 6000)::INTEGER AS opened_on,
    '{"seats":' || (h(i, 'seats') % 200) || ',"parking":' || (i % 2 = 0) || '}' AS attributes
FROM range(60) AS r(i)
