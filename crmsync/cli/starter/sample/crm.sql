-- A small CRM to try the mapping with. A trigger keeps updated_at, as a real system would.

CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY,
    type            VARCHAR(20)  NOT NULL,
    name            VARCHAR(255) NOT NULL,
    ico             VARCHAR(24),
    website         VARCHAR(255),
    email           VARCHAR(254),
    delivery_status VARCHAR(20),
    description     TEXT,
    updated_at      TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX accounts_updated ON accounts (updated_at, id);
CREATE TRIGGER accounts_touch AFTER UPDATE ON accounts WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE accounts SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

INSERT INTO accounts (id, type, name, ico, website, email, delivery_status, description) VALUES
    (1, 'customer', 'Kovotrans Žilina, spol. s r. o.', '31 333 532', 'https://www.kovotrans-demo.sk/kontakt', 'obchod@kovotrans-demo.sk', 'In delivery', 'Prefers fixed price.'),
    (2, 'customer', '  Mlyn   Nitra a.s. ', '36 403 008', 'mlyn-nitra-demo.sk', 'info@mlyn-nitra-demo.sk', NULL, NULL),
    (3, 'customer', 'Stavby Dunaj s.r.o.', NULL, 'stavby-dunaj-demo.sk', NULL, NULL, 'Framework agreement until next year.'),
    (4, 'prospect', 'Perhaps Later Ltd', NULL, NULL, NULL, NULL, NULL);
