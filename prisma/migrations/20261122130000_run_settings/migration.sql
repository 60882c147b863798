-- CREATE OR REPLACE takes a function's settings away: the two that were replaced to let begun runs go on get theirs back (why: run_batches).

ALTER FUNCTION nm_runs_choose(text[], integer, text[], integer) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off;
ALTER FUNCTION nm_runs_facts(text[]) SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
