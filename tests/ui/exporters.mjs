// exporters.mjs - targets to scrape and rules to judge by: some answer, one fails, one is not there, some are dropped.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { folder, until } from './daemon.mjs';

const METRICS = `# TYPE http_requests_total counter
http_requests_total{code="200"} 1042
http_requests_total{code="500"} 7
# TYPE queue_bytes gauge
queue_bytes{queue="mail"} 2684354560
queue_bytes{queue="thumbnails"} 1610612736
`;

const RULES = `groups:
  - name: targets
    rules:
      - alert: TargetDown
        expr: up{job=~"web|worker"} == 0
        labels: { severity: critical, team: platform }
        annotations:
          summary: "{{ $labels.job }} on {{ $labels.instance }} does not answer"
          runbook: Look at the last error of the target, then at the process on its host.
      - alert: AllTargetsDown
        expr: sum by (job) (up) == 0
        for: 5m
        keep_firing_for: 10m
        labels: { severity: critical }
  - name: queues
    interval: 2s
    rules:
      - record: job:queue_bytes:sum
        expr: sum by (job) (queue_bytes)
      - alert: QueueGrows
        expr: queue_bytes > 1e9
        for: 2h
        labels: { severity: warning }
        annotations: { summary: "The queue {{ $labels.queue }} holds {{ $value | humanize1024 }}B" }
      - record: job:requests:per_queue
        expr: http_requests_total / on (job) queue_bytes
`;

function serve(handler) {
  return new Promise((done) => {
    const server = createServer(handler).listen(0, '127.0.0.1', () => done(server));
  });
}

const address = (server) => `127.0.0.1:${server.address().port}`;

export class Exporters {
  async start() {
    const answer = (request, reply) => reply.setHeader('Content-Type', 'text/plain; version=0.0.4').end(METRICS);
    const fail = (request, reply) => {
      reply.statusCode = 503;
      reply.end('starting');
    };
    this.servers = await Promise.all([serve(answer), serve(answer), serve(fail)]);
    const gone = await serve(answer);
    const [a, b, failing] = this.servers.map(address);
    this.failing = failing;
    const nobody = address(gone);
    await new Promise((done) => gone.close(done));
    this.folder = folder('exporters');
    mkdirSync(join(this.folder, 'rules'), { mode: 0o755 });
    writeFileSync(join(this.folder, 'rules/web.yml'), RULES);
    this.config = join(this.folder, 'auspex.yml');
    writeFileSync(this.config, `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [ rules/*.yml ]
scrape_configs:
  - job_name: web
    static_configs:
      - { targets: ['${a}', '${failing}'], labels: { team: web, zone: eu-1a } }
  - job_name: worker
    static_configs: [ { targets: ['${nobody}'], labels: { team: web } } ]
  - job_name: queue
    scrape_interval: 2s
    static_configs:
      - { targets: ['${b}'], labels: { team: platform } }
      - { targets: ['127.0.0.1:1', '127.0.0.1:2'], labels: { env: test } }
    relabel_configs: [ { source_labels: [env], regex: test, action: drop } ]
`);
    return this;
  }

  /* judged - every target was asked and every rule evaluated since the alerts began. */
  async judged(daemon) {
    await until(async () => {
      const { activeTargets } = (await daemon.call('GET', '/prometheus/api/v1/targets')).data;
      return activeTargets.filter((t) => t.scrapeUrl && t.health !== 'unknown').length === 4;
    }, 'every target was scraped', 30_000);
    await until(async () => {
      const rules = (await daemon.call('GET', '/prometheus/api/v1/rules')).data.groups.flatMap((g) => g.rules);
      return rules.every((r) => r.health !== 'unknown') && rules.some((r) => r.health === 'err') && rules.some((r) => r.state === 'pending')
        && rules.find((r) => r.name === 'TargetDown').alerts.length === 2;
    }, 'every rule was evaluated', 60_000);
  }

  async close() {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
