-- An entry says once how it ended and what came of it, such as the id of what was made; nothing that it said before
-- changes.
CREATE OR REPLACE FUNCTION guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status IS NOT NULL
     OR NOT NEW.target @> OLD.target
     OR (NEW.id, NEW.at, NEW.key, NEW.operation)
        IS DISTINCT FROM (OLD.id, OLD.at, OLD.key, OLD.operation) THEN
    RAISE EXCEPTION 'an audit entry is never altered' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
