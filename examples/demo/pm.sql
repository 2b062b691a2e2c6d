-- The project-management tool of the demo. It keeps money as text and refuses two lines of one number in a budget.

CREATE TABLE users (
    id     INTEGER PRIMARY KEY,
    login  VARCHAR(40)  NOT NULL UNIQUE,
    email  VARCHAR(254) NOT NULL UNIQUE,
    active BOOLEAN      NOT NULL DEFAULT 1
);

CREATE TABLE customers (
    id            INTEGER PRIMARY KEY,
    customer_name VARCHAR(120) NOT NULL,
    ico           VARCHAR(20),
    vat_id        VARCHAR(20),
    web_domain    VARCHAR(253),
    street        VARCHAR(120),
    city          VARCHAR(80),
    zip           VARCHAR(10),
    country_code  CHAR(2),
    contact_name  VARCHAR(120),
    contact_email VARCHAR(254),
    contact_phone VARCHAR(40),
    parent_id     INTEGER,
    status        VARCHAR(20)  NOT NULL,
    kind          VARCHAR(20)  NOT NULL,
    manager       INTEGER,
    labels        JSON,
    notes         TEXT,
    active        BOOLEAN      NOT NULL DEFAULT 1,
    origin        VARCHAR(200) UNIQUE,
    created_at    TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at    TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE TABLE initiations (
    id              INTEGER PRIMARY KEY,
    code            VARCHAR(20),
    title           VARCHAR(120) NOT NULL,
    customer_id     INTEGER      NOT NULL,
    phase           VARCHAR(20)  NOT NULL,
    likelihood      NUMERIC(3, 2),
    budget_amount   VARCHAR(20)  NOT NULL,
    budget_currency CHAR(3)      NOT NULL,
    planned_start   DATE,
    planned_end     DATE,
    approved_on     DATE,
    portfolio       CHAR(3),
    planned_hours   NUMERIC(8, 2),
    status          VARCHAR(20)  NOT NULL,
    priority        VARCHAR(10)  NOT NULL,
    actual_cost     VARCHAR(20),
    log             TEXT,
    change_requests INTEGER,
    archived        BOOLEAN      NOT NULL DEFAULT 0,
    origin          VARCHAR(200) UNIQUE,
    created_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE TABLE budget_lines (
    id            INTEGER PRIMARY KEY,
    initiation_id INTEGER        NOT NULL,
    line_no       INTEGER        NOT NULL,
    description   VARCHAR(300)   NOT NULL,
    cost_type     VARCHAR(20)    NOT NULL,
    quantity      NUMERIC(12, 3) NOT NULL,
    unit          VARCHAR(20),
    unit_rate     VARCHAR(20)    NOT NULL,
    planned_hours NUMERIC(8, 2),
    actual_hours  NUMERIC(8, 2),
    origin        VARCHAR(200)   UNIQUE,
    created_at    TIMESTAMP      NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at    TIMESTAMP      NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    UNIQUE (initiation_id, line_no)
);

CREATE INDEX customers_updated ON customers (updated_at, id);
CREATE INDEX initiations_updated ON initiations (updated_at, id);
CREATE INDEX budget_lines_updated ON budget_lines (updated_at, id);

CREATE TRIGGER customers_touch AFTER UPDATE ON customers WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE customers SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER initiations_touch AFTER UPDATE ON initiations WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE initiations SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER budget_lines_touch AFTER UPDATE ON budget_lines WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE budget_lines SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;
