-- Journals come and go, pages spill before the commit, transactions end both ways.
.bail on
pragma temp_store = memory; -- the guest has no other folder
pragma page_size = 1024;
pragma cache_size = 20;
pragma temp_store = memory; -- WASI has no place for temporary files
pragma journal_mode = delete;
create table log(id integer primary key, word text, n integer);
create index by_word on log(word);
begin;
with recursive c(i) as (values(1) union all select i + 1 from c where i < 20000)
  insert into log select i, 'word-' || (i * 7919 % 1000), i * i % 977 from c;
commit;
select count(*), sum(n), count(distinct word) from log;
begin;
update log set n = n + 1, word = word || '!' where id % 3 = 0;
delete from log where id % 5 = 0;
select count(*), sum(n) from log;
rollback;
select count(*), sum(n), min(word), max(word) from log;
pragma journal_mode = truncate;
begin;
delete from log where id % 2 = 0;
savepoint half;
delete from log;
select count(*) from log;
rollback to half;
select count(*), sum(n) from log;
commit;
pragma journal_mode = persist;
insert into log select id + 100000, word, n from log;
pragma journal_mode = memory;
update log set n = -n where id > 100000;
pragma journal_mode = delete;
vacuum;
pragma integrity_check;
attach database ':memory:' as other;
create table other.sums as select word, sum(n) as s, count(*) as c from log group by word;
select count(*), sum(s), sum(c) from other.sums;
create table sums as select * from other.sums;
pragma auto_vacuum;
reindex;
analyze;
pragma quick_check;
select name, type from sqlite_schema order by name;
