-- The CRM of the demo: a vendor's tables, as they come. No foreign keys: orphans are everyday data.
-- A trigger keeps updated_at (UTC), as a real system would: nobody has to remember it, not even crmsync.

CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY,
    type            VARCHAR(20)  NOT NULL,
    name            VARCHAR(255) NOT NULL,
    ico             VARCHAR(24),
    vat_id          VARCHAR(24),
    website         VARCHAR(255),
    street          VARCHAR(120),
    city            VARCHAR(80),
    postal_code     VARCHAR(12),
    country         VARCHAR(60),
    email           VARCHAR(254),
    phone           VARCHAR(40),
    contact_person  VARCHAR(120),
    parent_id       INTEGER,
    delivery_status VARCHAR(20),
    delivery_lead   VARCHAR(254),
    tags            JSON,
    description     TEXT,
    employees       INTEGER,
    is_deleted      BOOLEAN      NOT NULL DEFAULT 0,
    created_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE TABLE opportunities (
    id              INTEGER PRIMARY KEY,
    number          VARCHAR(20)  NOT NULL UNIQUE,
    account_id      INTEGER,
    name            VARCHAR(255) NOT NULL,
    stage           VARCHAR(20)  NOT NULL,
    probability     INTEGER      NOT NULL,
    amount          NUMERIC(14, 2),
    currency        CHAR(3),
    start_date      DATE,
    close_date      DATE         NOT NULL,
    won_at          TIMESTAMP,  -- local time, Europe/Bratislava
    service_line    VARCHAR(60),
    effort_days     NUMERIC(8, 2),
    delivery_status VARCHAR(20),
    actual_cost     NUMERIC(14, 2),
    delivery_log    TEXT,
    change_requests INTEGER,
    next_step       VARCHAR(255),
    is_deleted      BOOLEAN      NOT NULL DEFAULT 0,
    created_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at      TIMESTAMP    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE TABLE quotes (
    id             INTEGER PRIMARY KEY,
    number         VARCHAR(20) NOT NULL UNIQUE,
    opportunity_id INTEGER,
    status         VARCHAR(20) NOT NULL,
    currency       CHAR(3),
    valid_until    DATE,
    updated_at     TIMESTAMP   NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE TABLE quote_lines (
    id            INTEGER PRIMARY KEY,
    quote_id      INTEGER        NOT NULL,
    line_no       INTEGER        NOT NULL,
    description   VARCHAR(2000)  NOT NULL,
    cost_type     VARCHAR(60),
    quantity      NUMERIC(12, 3) NOT NULL,
    unit          VARCHAR(20),
    unit_rate     NUMERIC(12, 2) NOT NULL,
    line_total    NUMERIC(14, 2) NOT NULL,
    optional      BOOLEAN,
    planned_hours NUMERIC(8, 2),
    actual_hours  NUMERIC(8, 2),
    updated_at    TIMESTAMP      NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);

CREATE INDEX accounts_updated ON accounts (updated_at, id);
CREATE INDEX opportunities_updated ON opportunities (updated_at, id);
CREATE INDEX opportunities_account ON opportunities (account_id);
CREATE INDEX quotes_updated ON quotes (updated_at, id);
CREATE INDEX quotes_opportunity ON quotes (opportunity_id);
CREATE INDEX quote_lines_updated ON quote_lines (updated_at, id);
CREATE INDEX quote_lines_quote ON quote_lines (quote_id);

CREATE TRIGGER accounts_touch AFTER UPDATE ON accounts WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE accounts SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER opportunities_touch AFTER UPDATE ON opportunities WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE opportunities SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER quotes_touch AFTER UPDATE ON quotes WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE quotes SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER quote_lines_touch AFTER UPDATE ON quote_lines WHEN NEW.updated_at IS OLD.updated_at
BEGIN UPDATE quote_lines SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id; END;
