-- The role with which Grafana reads; safe to repeat. Its password comes by the environment.
\getenv password READER_PASSWORD
SELECT 'CREATE ROLE tapewatch_grafana'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tapewatch_grafana') \gexec
ALTER ROLE tapewatch_grafana WITH LOGIN NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10 PASSWORD :'password';
ALTER ROLE tapewatch_grafana SET default_transaction_read_only = on;
ALTER ROLE tapewatch_grafana SET statement_timeout = '30s';
ALTER ROLE tapewatch_grafana SET timezone = 'UTC';
GRANT tapewatch_reader TO tapewatch_grafana;
