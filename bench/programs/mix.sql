-- Joins, aggregation, sorting, text search and a recursive query over generated rows.
CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, price REAL, name TEXT);
CREATE TABLE sale(id INTEGER PRIMARY KEY, item INTEGER, amount INTEGER, day INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
  INSERT INTO item SELECT i, i % 37, (i * 7919) % 1000 / 10.0, 'item-' || hex(i * 2654435761) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
  INSERT INTO sale SELECT i, (i * 48271) % 4000 + 1, i % 11 + 1, i % 365 FROM n;
CREATE INDEX sale_item ON sale(item);
SELECT kind, count(*), round(sum(price * amount), 2), max(name) FROM sale JOIN item ON item.id = sale.item GROUP BY kind ORDER BY 3 DESC LIMIT 5;
SELECT day, sum(amount), avg(amount) OVER (ORDER BY day ROWS 6 PRECEDING) FROM sale WHERE day < 100 GROUP BY day ORDER BY day LIMIT 5;
SELECT count(*) FROM item WHERE name LIKE '%3A%F%' OR name GLOB '*7[0-9]B*';
SELECT count(DISTINCT substr(name, 6, 4)), group_concat(DISTINCT kind) FROM item WHERE price BETWEEN 20 AND 40;
WITH RECURSIVE f(n, a, b) AS (SELECT 1, 0, 1 UNION ALL SELECT n + 1, b, (a + b) % 1000003 FROM f WHERE n < 100000) SELECT sum(a) FROM f;
UPDATE sale SET amount = amount + (SELECT kind FROM item WHERE item.id = sale.item) WHERE day % 2;
SELECT total(amount), count(*) FROM sale s WHERE EXISTS (SELECT 1 FROM item WHERE item.id = s.item AND price > 50);
