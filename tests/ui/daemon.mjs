// daemon.mjs - the real program on an empty data folder, and a real redis-server: what the page is tested on.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, openSync, chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = process.env.AUSPEX_BINARY ?? join(ROOT, 'build/dev/auspex');
const READY_MS = 30_000;

/* until - polls condition() until it is true; the error names what was waited for. */
export async function until(condition, why, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    const said = await condition();
    if (said) return said;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${why}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

export function folder(name) {
  const path = mkdtempSync(join(tmpdir(), `auspex-ui-${name}-`));
  chmodSync(path, 0o755); /* the daemon may drop to another user */
  return path;
}

function json(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function start(argv, log, cwd) {
  const out = openSync(log, 'a');
  return spawn(argv[0], argv.slice(1), { stdio: ['ignore', out, out], cwd, detached: true });
}

function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise((done) => child.once('exit', done));
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    /* gone already */
  }
  return gone;
}

export class Daemon {
  constructor(config) {
    this.folder = folder('daemon');
    this.data = join(this.folder, 'data');
    this.log = join(this.folder, 'log');
    this.config = config;
    this.port = 0;
  }

  async start() {
    const more = this.config ? ['--config.file', this.config] : [];
    this.child = start([BINARY, 'serve', '--storage.path', this.data, '--web.listen-address', `127.0.0.1:${this.port}`, ...more], this.log, this.folder);
    this.child.on('error', (error) => { this.failure = error; });
    const mine = await until(() => {
      if (this.failure) throw this.failure;
      if (this.child.exitCode !== null) throw new Error(`the daemon ended with ${this.child.exitCode}\n${this.said()}`);
      const said = json(join(this.data, 'endpoint'));
      return said?.pid === this.child.pid && said;
    }, 'the daemon writes its endpoint', READY_MS);
    this.url = mine.url.replace(/\/$/, '');
    /* A restart comes back under the same address: an open page finds it again. */
    this.port = Number(new URL(this.url).port);
    await until(async () => (await fetch(this.url + '/-/ready').catch(() => null))?.status === 200, '/-/ready answers 200', READY_MS);
    this.admin ??= this.token('admin');
    return this;
  }

  said() {
    return readFileSync(this.log, 'utf8');
  }

  token(role, name) {
    const argv = ['token', 'create', '--role', role, '--storage.path', this.data, ...(name ? ['--name', name] : [])];
    return execFileSync(BINARY, argv, { encoding: 'utf8', cwd: this.folder }).trim().split(/\s+/).at(-1);
  }

  async call(method, path, body, token = this.admin) {
    const reply = await fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  kill() {
    return end(this.child);
  }

  async close() {
    await end(this.child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

export class Redis {
  async start(...settings) {
    this.folder = folder('redis');
    this.port = await freePort();
    this.child = start(['redis-server', '--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder, ...settings], join(this.folder, 'log'), this.folder);
    await until(() => {
      try {
        return this.cli('PING') === 'PONG';
      } catch {
        return false;
      }
    }, 'redis-server answers');
    return this;
  }

  cli(...words) {
    return execFileSync('redis-cli', ['-p', String(this.port), ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  }

  async close() {
    await end(this.child);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/* alertmanager - a payload as Alertmanager posts it. */
export function alertmanager(name, labels = {}, annotations = {}) {
  const all = { alertname: name, severity: 'critical', instance: 'web-1', service: 'api-gateway', ...labels };
  return {
    version: '4', groupKey: `{}:{alertname="${name}"}`, truncatedAlerts: 0, status: 'firing', receiver: 'auspex',
    groupLabels: { alertname: name }, commonLabels: all, commonAnnotations: annotations, externalURL: 'http://alertmanager.example:9093',
    alerts: [{
      status: 'firing', labels: all, annotations, startsAt: new Date(Date.now() - 60_000).toISOString(), endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus.example:9090/graph', fingerprint: Buffer.from(name).toString('hex').padEnd(16, '0').slice(0, 16),
    }],
  };
}
