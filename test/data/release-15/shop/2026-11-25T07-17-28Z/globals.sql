--
-- PostgreSQL database cluster dump
--

\restrict 0cwhv8xeSSTgQWoshcT3ouciSaZVZ4GOJeips9KlpPklFdg0jgkcXoizgc6KpIO

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
CREATE ROLE shop_owner;
ALTER ROLE shop_owner WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;

--
-- User Configurations
--








\unrestrict 0cwhv8xeSSTgQWoshcT3ouciSaZVZ4GOJeips9KlpPklFdg0jgkcXoizgc6KpIO

--
-- PostgreSQL database cluster dump complete
--

