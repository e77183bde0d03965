-- Tables, indexes, joins, windows, recursion, JSON, full text, a rolled back transaction.
create table customer(id integer primary key, name text not null, city text);
create table item(id integer primary key, customer references customer, kind text, cents int, day int);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
  insert into customer select i, 'c' || substr('0000' || i, -4), case i % 5 when 0 then 'Oslo' when 1 then 'Lima' when 2 then null else 'Bern' end from n;
with recursive n(i, x) as (select 1, 12345 union all select i + 1, (x * 1103515245 + 12345) % 2147483648 from n where i < 6000)
  insert into item select i, 1 + x / 65536 % 400, char(97 + x / 4096 % 7), x / 1024 % 9000, i / 20 from n;
create index item_customer on item(customer, day);
analyze;
select city, count(*), sum(cents), avg(cents) > 4000 from customer join item on customer = customer.id group by city order by city;
select name, total, rank() over (order by total desc, name) from
  (select name, sum(cents) total from customer join item on customer = customer.id group by customer) order by 3 limit 8;
select kind, day, sum(cents) over (partition by kind order by day rows between 3 preceding and current row)
  from (select kind, day, sum(cents) cents from item where day < 6 group by kind, day) order by kind, day;
begin;
delete from item where cents % 3 = 0;
select count(*), total(cents) from item;
rollback;
select count(*) from item;
select json_group_array(json_object('k', kind, 'n', n)) from (select kind, count(*) n from item group by kind);
select value ->> '$.a' from json_each('[{"a":1},{"a":[2,3]},{"a":null}]');
create virtual table word using fts5(body);
insert into word select name || ' buys ' || group_concat(kind, ' ') from customer join item on customer = customer.id group by customer.id;
select count(*) from word where word match 'c0001 or "a a b"';
explain query plan select * from customer join item on customer = customer.id where day = 3;
with recursive
  x(v) as (select -2.0 union all select v + 0.0625 from x where v < 0.75),
  y(v) as (select -1.0 union all select v + 0.125 from y where v < 1.0),
  m(i, cx, cy, x, y) as (
    select 0, x.v, y.v, 0.0, 0.0 from x, y
    union all
    select i + 1, cx, cy, x * x - y * y + cx, 2.0 * x * y + cy from m where x * x + y * y < 4.0 and i < 28),
  a(t, cy, cx) as (select max(i), cy, cx from m group by cy, cx)
select group_concat(substr(' .+*#', 1 + min(t / 7, 4), 1), '') from a group by cy;
pragma integrity_check;
insert into customer values (1, 'twice', null);
