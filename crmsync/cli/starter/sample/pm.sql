-- A small project tool to try the mapping with.

CREATE TABLE customers (
    id            INTEGER PRIMARY KEY,
    customer_name VARCHAR(255) NOT NULL,
    ico           VARCHAR(20),
    web_domain    VARCHAR(253),
    contact_email VARCHAR(254),
    status        VARCHAR(20)  NOT NULL,
    kind          VARCHAR(20)  NOT NULL,
    notes         TEXT,
    active        BOOLEAN      NOT NULL DEFAULT 1,
    origin        VARCHAR(200) UNIQUE,
    updated_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX customers_updated ON customers (updated_at, id);
CREATE TRIGGER customers_touch AFTER UPDATE ON customers WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE customers SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

INSERT INTO customers (id, customer_name, ico, web_domain, contact_email, status, kind, notes) VALUES
    (7, 'KOVOTRANS ZILINA', '31333532', 'kovotrans-demo.sk', 'obchod@kovotrans-demo.sk', 'active', 'external', 'Prefers fixed price.'),
    (8, 'Internal IT', NULL, NULL, NULL, 'active', 'internal', NULL);
