-- Helpers of the table files. Everything is a function of the row number and the seed, so the same
-- settings give the same bytes. The Go side defines seed_value(), n_*() and is_restated() before.
CREATE OR REPLACE TEMP MACRO h(i, salt) AS (hash(i::BIGINT, salt, seed_value()) >> 1)::BIGINT;
CREATE OR REPLACE TEMP MACRO pick(i, salt, options) AS options[1 + (h(i, salt) % len(options))::INTEGER];

-- Sixty locations: the last six belong to the brand that no customer has. The first rows of every
-- table walk through the first three locations, one of each other brand.
CREATE OR REPLACE TEMP MACRO location_of(i) AS CASE WHEN i < 36 THEN i % 3 ELSE h(i, 'location') % 60 END;
CREATE OR REPLACE TEMP MACRO brand_of(l) AS CASE WHEN l >= 54 THEN 'Orphan Brand'
    WHEN l % 3 = 0 THEN 'Bella Pizza' WHEN l % 3 = 1 THEN 'Nova Fitness' ELSE 'Harbor Hotels' END;
CREATE OR REPLACE TEMP MACRO location_name(l) AS 'LOC-' || lpad(l::VARCHAR, 4, '0');
CREATE OR REPLACE TEMP MACRO account_name(l) AS 'ACC-' || CASE WHEN l >= 54 THEN 3 ELSE l % 3 END;
CREATE OR REPLACE TEMP MACRO guest_of(i) AS 'GST-' || (h(i, 'guest') % 50000);

-- Rows lie in time order over 2024-01-01 to 2026-12-31, as they do in a source that appends.
CREATE OR REPLACE TEMP MACRO instant_of(i, n) AS
    make_timestamp((1704067200000000 + i * (94694400000000 // n) + (h(i, 'time') % (94694400000000 // n))::BIGINT)::BIGINT);

-- Magnitudes rise and fall in eight bands over a table, so that neighbouring result chunks need
-- different integer widths.
CREATE OR REPLACE TEMP MACRO units_of(i, salt, n) AS (h(i, salt) % CASE ((i * 8) // n) % 4
    WHEN 0 THEN 100 WHEN 1 THEN 30000 WHEN 2 THEN 2000000 ELSE 9000000000 END)::DECIMAL(12, 0);
CREATE OR REPLACE TEMP MACRO count_of(i, salt, n) AS (h(i, salt) % CASE ((i * 8) // n) % 4
    WHEN 0 THEN 100 WHEN 1 THEN 30000 WHEN 2 THEN 2000000 ELSE 900000000 END)::DECIMAL(9, 0);

CREATE OR REPLACE TEMP MACRO words_of(i, salt) AS
    pick(i, salt || '1', ['Great', 'Slow', 'Friendly', 'Lovely', 'Cold', 'Fast', 'Honest', 'Noisy']) || ' ' ||
    pick(i, salt || '2', ['service', 'food', 'staff', 'room', 'class', 'coffee', 'pizza', 'pool']) || ', ' ||
    pick(i, salt || '3', ['will return', 'never again', 'thank you', 'as always', 'on a Sunday', 'worth it']);

-- History: at the restatement some rows change, some vanish and some appear. A child passes its
-- parent's number, so that both vanish and appear together.
CREATE OR REPLACE TEMP MACRO is_changed(life) AS is_restated() AND life >= 36 AND life % 211 = 5;
CREATE OR REPLACE TEMP MACRO is_removed(life) AS is_restated() AND life >= 36 AND life % 307 = 11 AND NOT is_changed(life);
CREATE OR REPLACE TEMP MACRO is_added(life) AS is_restated() AND life >= 36 AND life % 401 = 13
    AND NOT is_changed(life) AND NOT is_removed(life);
