-- Run once by the database's image, as its superuser, on an empty data folder (and again by hand,
-- to change the passwords). The roles own and use the tables; the sign-ins only take them on:
--   fairclick_migrate   make_roles and migrate; owns the database, may take on every role
--   fairclick_web       web, worker and beat; may take on fairclick_runtime, and fairclick_client to
--                      read answers for clients; nothing else
\getenv migrate_password MIGRATE_DATABASE_PASSWORD
\getenv web_password WEB_DATABASE_PASSWORD

SELECT format('CREATE ROLE %I NOLOGIN', wanted)
FROM unnest(ARRAY['fairclick_owner', 'fairclick_runtime', 'fairclick_reader', 'fairclick_client']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec

SELECT format('CREATE ROLE %I LOGIN NOINHERIT', wanted)
FROM unnest(ARRAY['fairclick_migrate', 'fairclick_web']) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
\gexec

ALTER ROLE fairclick_migrate PASSWORD :'migrate_password';
ALTER ROLE fairclick_web PASSWORD :'web_password';
GRANT fairclick_owner, fairclick_runtime, fairclick_reader, fairclick_client
    TO fairclick_migrate WITH ADMIN OPTION;
GRANT fairclick_runtime, fairclick_client TO fairclick_web;

SELECT format('ALTER DATABASE %I OWNER TO fairclick_migrate', current_database())
\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO fairclick_web;
