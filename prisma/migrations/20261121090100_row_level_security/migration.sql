-- Tenants are kept apart by the database itself. The apps log in as nm_app, which sees the rows of the organisation named by the
-- transaction-local setting app.org_id and nothing without it; nm_system (SET LOCAL ROLE, never inherited) sees every tenant.

GRANT USAGE ON SCHEMA public TO nm_app, nm_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO nm_system;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO nm_app, nm_system;

DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['membership', 'api_token', 'app', 'app_version', 'channel', 'plan', 'customer', 'licence', 'cluster', 'install',
                           'instance', 'run', 'run_step', 'run_log', 'outbox']
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO nm_app', t);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format($p$CREATE POLICY tenant ON %I TO nm_app
                     USING (org_id = nullif(current_setting('app.org_id', true), ''))
                     WITH CHECK (org_id = nullif(current_setting('app.org_id', true), ''))$p$, t);
    EXECUTE format('CREATE POLICY system ON %I TO nm_system USING (true) WITH CHECK (true)', t);
  END LOOP;
END
$$;

-- An organisation is its own tenant; creating one is a system act.
GRANT SELECT, UPDATE ON org TO nm_app;
ALTER TABLE org ENABLE ROW LEVEL SECURITY;
ALTER TABLE org FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON org TO nm_app USING (id = nullif(current_setting('app.org_id', true), ''));
CREATE POLICY system ON org TO nm_system USING (true) WITH CHECK (true);

-- People exist beside organisations: a tenant sees who its members are, never their secrets.
GRANT SELECT (id, email, name, created_at) ON user_account TO nm_app;
ALTER TABLE user_account ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_account FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_account FOR SELECT TO nm_app USING (
  EXISTS (SELECT 1 FROM membership m WHERE m.user_id = user_account.id AND m.org_id = nullif(current_setting('app.org_id', true), ''))
);
CREATE POLICY system ON user_account TO nm_system USING (true) WITH CHECK (true);

ALTER TABLE refresh_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_token FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON refresh_token TO nm_system USING (true) WITH CHECK (true);

ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE signing_key FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON signing_key TO nm_system USING (true) WITH CHECK (true);

-- Values that the code treats as closed sets.
ALTER TABLE membership ADD CHECK (role IN ('owner', 'admin', 'developer', 'support', 'viewer'));
ALTER TABLE api_token ADD CHECK (role IN ('owner', 'admin', 'developer', 'support', 'viewer'));
ALTER TABLE app_version ADD CHECK (state IN ('draft', 'published', 'yanked'));
ALTER TABLE licence ADD CHECK (state IN ('active', 'suspended', 'revoked'));
ALTER TABLE install ADD CHECK (state IN ('provisioning', 'ready', 'failed', 'removed'));
ALTER TABLE instance ADD CHECK (desired IN ('running', 'stopped'));
ALTER TABLE instance ADD CHECK (observed IN ('stopped', 'starting', 'ready', 'crashed'));
ALTER TABLE run ADD CHECK (status IN ('queued', 'running', 'positive', 'negative', 'cancelled', 'timed_out'));
ALTER TABLE run_step ADD CHECK (status IN ('idle', 'running', 'positive', 'negative'));

-- One run at a time changes an install: the database refuses a second one, whatever the workers believe.
CREATE UNIQUE INDEX run_one_running_per_install ON run (install_id) WHERE status = 'running';
CREATE INDEX outbox_undispatched ON outbox (id) WHERE dispatched_at IS NULL;

-- A published version is immutable; the database says so too.
CREATE FUNCTION nm_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'draft' AND (NEW.spec IS DISTINCT FROM OLD.spec OR NEW.digest <> OLD.digest OR NEW.name <> OLD.name OR NEW.app_id <> OLD.app_id) THEN
    RAISE EXCEPTION 'version % is published and cannot change', OLD.id;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER version_is_immutable BEFORE UPDATE ON app_version FOR EACH ROW EXECUTE FUNCTION nm_version_is_immutable();

-- NOTIFY is delivered at commit, and never for a transaction that rolled back.
CREATE FUNCTION nm_outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.topic = 'change' THEN
    PERFORM pg_notify('nm_change', (jsonb_build_object('seq', NEW.id) || NEW.payload)::text);
  END IF;
  PERFORM pg_notify('nm_outbox', NEW.topic);
  RETURN NEW;
END
$$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION nm_outbox_notify();

CREATE FUNCTION nm_run_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nm_run', NEW.run_id);
  RETURN NEW;
END
$$;
CREATE TRIGGER run_log_notify AFTER INSERT ON run_log FOR EACH ROW EXECUTE FUNCTION nm_run_notify();

CREATE FUNCTION nm_run_cancel_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nm_run_cancel', NEW.id);
  RETURN NEW;
END
$$;
CREATE TRIGGER run_cancel_notify AFTER UPDATE OF cancel_requested_at ON run FOR EACH ROW
  WHEN (NEW.cancel_requested_at IS NOT NULL AND OLD.cancel_requested_at IS NULL) EXECUTE FUNCTION nm_run_cancel_notify();

CREATE FUNCTION nm_instance_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('nm_instance', NEW.id);
  RETURN NEW;
END
$$;
CREATE TRIGGER instance_notify AFTER INSERT OR UPDATE OF desired, wanted_at ON instance FOR EACH ROW EXECUTE FUNCTION nm_instance_notify();
