import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../interfaces.ts'

/**
 * Each element takes the schema from its index to the next version; `user_version` holds the version. Elements
 * are never edited once released: a state folder in the field has run them.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE records (
    idx INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    parent TEXT,
    tenant TEXT NOT NULL,
    kind INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX records_exchange ON records (exchange);
  CREATE INDEX records_parent ON records (parent) WHERE parent IS NOT NULL;
  -- Most installations have the one tenant, whose entries need no index: it would cost every insert.
  CREATE INDEX records_tenant ON records (tenant, idx) WHERE tenant <> 'default';

  CREATE TABLE tree (one INTEGER PRIMARY KEY CHECK (one = 0), size INTEGER NOT NULL, frontier BLOB NOT NULL) STRICT;
  INSERT INTO tree VALUES (0, 0, x'');
  CREATE TABLE tiles (idx INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
  CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;

  -- Intents without their receipt. A table of its own, so that a restart need not search the whole log.
  CREATE TABLE intents (
    tenant TEXT NOT NULL, exchange TEXT NOT NULL, idx INTEGER NOT NULL REFERENCES records (idx),
    PRIMARY KEY (tenant, exchange)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE payloads (
    idx INTEGER PRIMARY KEY REFERENCES records (idx),
    tenant TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX payloads_subject ON payloads (subject);
  CREATE TABLE payload_bytes (tenant TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE counters (
    key TEXT NOT NULL, window INTEGER NOT NULL,
    requests INTEGER NOT NULL, tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (key, window)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE reservations (id TEXT PRIMARY KEY, rows TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE settled (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE keys (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, hash BLOB NOT NULL, under TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER, revoked INTEGER, scope TEXT NOT NULL
  ) STRICT;
  CREATE TABLE subject_keys (subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL, under TEXT NOT NULL) STRICT;
  CREATE TABLE holds (subject TEXT PRIMARY KEY, until INTEGER, reason TEXT NOT NULL) STRICT;

  CREATE TABLE sessions (
    tenant TEXT NOT NULL, principal TEXT NOT NULL, id TEXT NOT NULL, state BLOB NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, principal, id)
  ) STRICT;
  CREATE INDEX sessions_expires ON sessions (expires);
  CREATE TABLE approvals (
    tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, action BLOB NOT NULL,
    created INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT;
  CREATE INDEX approvals_pending ON approvals (tenant, created) WHERE state = 'pending';
  `,
  `
  CREATE TABLE workloads (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, scope TEXT NOT NULL, created INTEGER NOT NULL, revoked INTEGER
  ) STRICT;
  CREATE TABLE enrolments (
    id TEXT PRIMARY KEY, workload TEXT NOT NULL, tenant TEXT NOT NULL, scope TEXT NOT NULL, hash BLOB NOT NULL,
    under TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER
  ) STRICT;
  CREATE TABLE certificates (
    serial TEXT PRIMARY KEY, workload TEXT NOT NULL, authority TEXT NOT NULL, expires INTEGER NOT NULL, revoked INTEGER
  ) STRICT;
  CREATE INDEX certificates_workload ON certificates (workload);
  `,
  `
  DROP TABLE approvals;
  CREATE TABLE approvals (
    tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL, subject TEXT NOT NULL,
    bound TEXT NOT NULL, alike TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, decided INTEGER,
    notes TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT;
  CREATE INDEX approvals_pending ON approvals (created) WHERE state = 'pending';
  CREATE INDEX approvals_decided ON approvals (tenant, decided) WHERE decided IS NOT NULL;
  CREATE INDEX approvals_alike ON approvals (tenant, alike, decided) WHERE decided IS NOT NULL;
  CREATE INDEX approvals_subject ON approvals (subject);
  CREATE INDEX approvals_id ON approvals (id);
  CREATE TABLE consents (
    tenant TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, key TEXT NOT NULL,
    uses INTEGER, created INTEGER NOT NULL, until INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT;
  CREATE INDEX consents_key ON consents (tenant, key);
  CREATE INDEX consents_subject ON consents (subject);
  `,
  `
  CREATE TABLE revocations (id TEXT PRIMARY KEY, at INTEGER NOT NULL, until INTEGER NOT NULL, by TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE certificates ADD COLUMN parent TEXT;
  CREATE INDEX certificates_parent ON certificates (parent);
  `,
  `
  CREATE TABLE pins (
    server TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, pinned TEXT, pinned_text TEXT, since INTEGER, by TEXT,
    seen TEXT, seen_text TEXT, at INTEGER, why TEXT,
    PRIMARY KEY (server, kind, name)
  ) STRICT;
  `,
  `
  CREATE TABLE grants (
    tenant TEXT NOT NULL, owner TEXT NOT NULL, server TEXT NOT NULL, subject TEXT NOT NULL, issuer TEXT NOT NULL,
    scope TEXT NOT NULL, at INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (tenant, owner, server)
  ) STRICT;
  CREATE INDEX grants_subject ON grants (subject);
  `,
]

/**
 * Brings the schema up to date, one transaction a version.
 * @throws {StoreError} `corrupt` when a newer version made this state, `read_only` when it would have to be changed.
 */
export function migrate(db: DatabaseSync, readOnly: boolean): void {
  const found = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (found > migrations.length) {
    throw new StoreError('corrupt', `the state folder was written by a newer version (schema ${found}, this one knows ${migrations.length})`)
  }
  if (found === migrations.length) return
  if (readOnly) throw new StoreError('read_only', 'the state folder has not been brought up to date yet: start the server once')
  for (let version = found; version < migrations.length; version++) {
    db.exec(`BEGIN IMMEDIATE; ${migrations[version]}; PRAGMA user_version = ${version + 1}; COMMIT`)
  }
}
