import { type Dashboard, graph, type Panel, stat } from './grafana.ts';

/** How the agent itself is: its own page (`service.telemetry.metrics`). Names and labels are checked against a running agent by a test. */
export function agentDashboard(): Dashboard {
  return {
    uid: 'bpflow-agent',
    title: 'bpflow / Agent',
    description: 'The agent itself: health, what goes through its pipelines, its queues and its books.',
    variables: [
      { name: 'job', label: 'Job', metric: 'otelcol_process_uptime' },
      { name: 'instance', label: 'Instance', metric: 'otelcol_process_uptime' },
    ],
    rows: [
      { title: 'Now', panels: now },
      { title: 'Process', panels: processPanels },
      { title: 'Pipelines', panels: pipelines },
      { title: 'Queues and storage', panels: queues },
      { title: 'The ledger: nothing is lost unseen', panels: ledger },
      { title: 'The page for Prometheus', panels: page },
      { title: 'Kernel half', panels: kernelHalf, collapsed: true },
      { title: 'Hubble', panels: hubble, collapsed: true },
      { title: 'Kubernetes', panels: kubernetes, collapsed: true },
    ],
  };
}

/** A metric of the agents that are chosen. */
function of(metric: string, more = ''): string {
  return `${metric}{job=~"$job", instance=~"$instance"${more === '' ? '' : `, ${more}`}}`;
}

function rates(metric: string, by: readonly string[], more = ''): string {
  return `sum by (${by.join(', ')}) (rate(${of(metric, more)}[$__rate_interval]))`;
}

function sum(metric: string, by: readonly string[], more = ''): string {
  return `sum by (${by.join(', ')}) (${of(metric, more)})`;
}

/** The same of the three signals. */
function bySignal(metric: string, label: string): readonly (readonly [string, string])[] {
  return [
    [rates(`${metric}_metric_points`, [label]), `{{${label}}} metrics`],
    [rates(`${metric}_log_records`, [label]), `{{${label}}} logs`],
    [rates(`${metric}_spans`, [label]), `{{${label}}} traces`],
  ];
}

const now: readonly Panel[] = [
  stat({
    title: 'Agents',
    description: 'Agents that answer.',
    unit: 'short',
    queries: [[`count(${of('otelcol_process_memory_rss')})`, '']],
  }),
  stat({
    title: 'Restarts',
    description: 'Restarts of agents within the last hour.',
    unit: 'short',
    thresholds: [1, 5],
    queries: [[`sum(resets(${of('otelcol_process_uptime')}[1h])) or vector(0)`, '']],
  }),
  stat({
    title: 'Components in trouble',
    description: 'Components that say they are degraded or unavailable. Their health document has the reason.',
    unit: 'short',
    thresholds: [1, 5],
    queries: [[`sum(${of('bpflow_component_health', 'state=~"degraded|unavailable"')}) or vector(0)`, '']],
  }),
  stat({
    title: 'Dropped items',
    description: 'Items that ended in a component for a reason other than being filtered or sampled.',
    unit: 'cps',
    thresholds: [0.001, 100],
    queries: [
      [
        `sum(rate(${of('bpflow_ledger_dropped_items', 'reason!~"filtered|sampled.*"')}[$__rate_interval])) or vector(0)`,
        '',
      ],
    ],
  }),
  stat({
    title: 'Imbalance of the books',
    description:
      'Of in + created - out - dropped - merged - held. Other than 0 at rest, something lost items without saying so.',
    unit: 'short',
    thresholds: [1, 1000],
    queries: [[`max(abs(${of('bpflow_ledger_imbalance_items')}))`, '']],
  }),
  stat({
    title: 'Fullest queue',
    description: 'Share of its sending queue that the fullest exporter uses. At 1 it refuses its senders.',
    unit: 'percentunit',
    thresholds: [0.5, 0.9],
    queries: [
      [`max(${of('otelcol_exporter_queue_size')} / ${of('otelcol_exporter_queue_capacity')}) or vector(0)`, ''],
    ],
  }),
];

const processPanels: readonly Panel[] = [
  graph({
    title: 'CPU',
    description: 'User and system time of the agents: 1 is one whole CPU.',
    unit: 'cores',
    queries: [[rates('otelcol_process_cpu_seconds', ['instance']), '{{instance}}']],
  }),
  graph({
    title: 'Memory',
    description: 'What is resident, and what JavaScript objects take of it.',
    unit: 'bytes',
    queries: [
      [sum('otelcol_process_memory_rss', ['instance']), '{{instance}} resident'],
      [sum('otelcol_process_runtime_heap_alloc_bytes', ['instance']), '{{instance}} heap'],
    ],
  }),
  graph({
    title: 'Busy components',
    description: 'Time that each spends in itself: 1 is one whole CPU.',
    unit: 'cores',
    stacked: true,
    queries: [[`topk(10, ${rates('bpflow_component_busy_seconds', ['kind', 'component'])})`, '{{kind}} {{component}}']],
  }),
  graph({
    title: 'Health',
    description: 'Components that are not well, by state.',
    unit: 'short',
    queries: [
      [
        `${sum('bpflow_component_health', ['kind', 'component', 'state'], 'state!~"ok|stopped"')} > 0`,
        '{{kind}} {{component}} {{state}}',
      ],
    ],
  }),
  graph({
    title: 'Reloads of the configuration',
    description: 'By result. Failed ones changed nothing.',
    unit: 'ops',
    queries: [[rates('bpflow_config_reloads', ['result']), '{{result}}']],
  }),
];

const pipelines: readonly Panel[] = [
  graph({
    title: 'Accepted by receivers',
    description: 'Items that were pushed into the pipelines.',
    unit: 'cps',
    queries: bySignal('otelcol_receiver_accepted', 'receiver'),
  }),
  graph({
    title: 'Refused by receivers',
    description: 'Items that could not be pushed into the pipelines; senders offer them again.',
    unit: 'cps',
    queries: bySignal('otelcol_receiver_refused', 'receiver'),
  }),
  graph({
    title: 'Into processors',
    description: 'Items that were passed to each processor.',
    unit: 'cps',
    queries: [
      [rates('otelcol_processor_incoming_items', ['processor', 'otel_signal']), '{{processor}} {{otel_signal}}'],
    ],
  }),
  graph({
    title: 'Out of processors',
    description: 'Items that each processor handed on.',
    unit: 'cps',
    queries: [
      [rates('otelcol_processor_outgoing_items', ['processor', 'otel_signal']), '{{processor}} {{otel_signal}}'],
    ],
  }),
  graph({
    title: 'Sent by exporters',
    description: 'Items that arrived.',
    unit: 'cps',
    queries: bySignal('otelcol_exporter_sent', 'exporter'),
  }),
  graph({
    title: 'Not sent by exporters',
    description: 'Items whose sending failed for good.',
    unit: 'cps',
    queries: bySignal('otelcol_exporter_send_failed', 'exporter'),
  }),
  graph({
    title: 'Requests to the OTLP receiver',
    description: 'By transport and code.',
    unit: 'reqps',
    queries: [
      [
        rates('bpflow_otlp_receiver_requests', ['receiver', 'transport', 'code']),
        '{{receiver}} {{transport}} {{code}}',
      ],
    ],
  }),
  graph({
    title: 'Size of batches',
    description: 'Items in a batch that the batch processor sent, on average.',
    unit: 'short',
    queries: [
      [
        `${rates('otelcol_processor_batch_batch_send_size_sum', ['processor'])} / ${rates('otelcol_processor_batch_batch_send_size_count', ['processor'])}`,
        '{{processor}}',
      ],
    ],
  }),
];

const queues: readonly Panel[] = [
  graph({
    title: 'Sending queues',
    description: 'How full each is: at 1 the exporter refuses what comes.',
    unit: 'percentunit',
    thresholds: [0.5, 0.9],
    queries: [
      [
        `${sum('otelcol_exporter_queue_size', ['exporter', 'data_type'])} / ${sum('otelcol_exporter_queue_capacity', ['exporter', 'data_type'])}`,
        '{{exporter}} {{data_type}}',
      ],
    ],
  }),
  graph({
    title: 'Requests in flight',
    description: 'Requests that wait for their answer.',
    unit: 'short',
    queries: [[sum('otelcol_exporter_in_flight_requests', ['exporter', 'data_type']), '{{exporter}} {{data_type}}']],
  }),
  graph({
    title: 'Storage',
    description: 'Files of persistent queues, and what of them is still needed.',
    unit: 'bytes',
    queries: [
      [sum('bpflow_storage_size', ['storage', 'client']), '{{storage}} {{client}} file'],
      [sum('bpflow_storage_live_size', ['storage', 'client']), '{{storage}} {{client}} live'],
    ],
  }),
];

const ledger: readonly Panel[] = [
  graph({
    title: 'Dropped, by reason',
    description: 'Items that ended in a component.',
    unit: 'cps',
    queries: [
      [rates('bpflow_ledger_dropped_items', ['kind', 'component', 'reason']), '{{kind}} {{component}}: {{reason}}'],
    ],
  }),
  graph({
    title: 'Held',
    description: 'Items that components hold now. What only grows is not taken by what follows.',
    unit: 'short',
    queries: [[`${sum('bpflow_ledger_held_items', ['kind', 'component'])} > 0`, '{{kind}} {{component}}']],
  }),
  graph({
    title: 'In and out',
    description: 'Items into and out of each component.',
    unit: 'cps',
    queries: [
      [rates('bpflow_ledger_in_items', ['kind', 'component']), '{{kind}} {{component}} in'],
      [rates('bpflow_ledger_out_items', ['kind', 'component']), '{{kind}} {{component}} out'],
    ],
  }),
  graph({
    title: 'Refused',
    description: 'Offers that were not taken: back-pressure. They are offered again.',
    unit: 'cps',
    queries: [[rates('bpflow_ledger_refused_items', ['kind', 'component']), '{{kind}} {{component}}']],
  }),
];

const page: readonly Panel[] = [
  graph({
    title: 'Scrapes',
    description: 'By outcome.',
    unit: 'reqps',
    queries: [[rates('bpflow_prometheus_scrapes', ['exporter', 'outcome']), '{{exporter}} {{outcome}}']],
  }),
  graph({
    title: 'Series on the page',
    description: 'What a scraper has to read.',
    unit: 'short',
    queries: [[sum('bpflow_prometheus_series', ['exporter']), '{{exporter}}']],
  }),
  graph({
    title: 'Collections for scrapes',
    description: 'Late ones were served from the data before.',
    unit: 'ops',
    queries: [[rates('bpflow_pull_collections', ['outcome']), '{{outcome}}']],
  }),
  graph({
    title: 'Size of the page',
    description: 'Bytes, before compression.',
    unit: 'bytes',
    queries: [[sum('bpflow_prometheus_page_bytes', ['exporter']), '{{exporter}}']],
  }),
];

const kernelHalf: readonly Panel[] = [
  graph({
    title: 'Programs that are not attached',
    description: 'BPF programs by state, with the reason. What they would have counted is missing or marked inexact.',
    unit: 'short',
    queries: [
      [
        sum('bpflow_program_status', ['program', 'state', 'reason'], 'state!~"attached|used"'),
        '{{program}} {{state}}: {{reason}}',
      ],
    ],
  }),
  graph({
    title: 'Exactness',
    description:
      'Calls of the canary that were counted wrongly, since the start. Anything but 0 is an error. Without a canary there is nothing here.',
    unit: 'short',
    thresholds: [1, 100],
    queries: [
      [sum('bpflow_exactness_error', ['instance', 'metric']), '{{instance}} {{metric}}'],
      [rates('bpflow_exactness_calls', ['instance']), '{{instance}} calls looked for each second'],
    ],
  }),
  graph({
    title: 'Maps',
    description: 'How full each BPF map of bounded size is. What finds no room is counted as other.',
    unit: 'percentunit',
    thresholds: [0.8, 1],
    queries: [
      [
        `${sum('bpflow_ebpf_map_entries', ['instance', 'map'])} / ${sum('bpflow_ebpf_map_capacity', ['instance', 'map'])}`,
        '{{instance}} {{map}}',
      ],
    ],
  }),
  graph({
    title: 'Runs that the kernel skipped',
    description: 'What they would have counted is lost: a program was interrupted by itself.',
    unit: 'ops',
    thresholds: [0.001, 1],
    queries: [[rates('bpflow_ebpf_recursion_misses', ['program']), '{{program}}']],
  }),
];

const hubble: readonly Panel[] = [
  graph({
    title: 'Connected',
    description: 'Is 1 while the stream of flows is open.',
    unit: 'none',
    queries: [[sum('bpflow_hubble_connected', ['instance', 'receiver']), '{{instance}} {{receiver}}']],
  }),
  graph({
    title: 'Flows that came, by what became of them',
    description:
      'Those that are rate_limited were above max_flows_per_second; filtered ones are of other namespaces, or of the other reporter.',
    unit: 'cps',
    queries: [[rates('bpflow_hubble_flows', ['receiver', 'outcome']), '{{receiver}} {{outcome}}']],
  }),
  graph({
    title: 'Gaps between connections',
    description: 'Times that flows were missed while it was not connected.',
    unit: 'ops',
    queries: [[rates('bpflow_hubble_gaps', ['receiver', 'size']), '{{receiver}} {{size}}']],
  }),
  graph({
    title: 'No room',
    description: 'What found no room and was counted as other: raise max_series, or use fewer labels.',
    unit: 'ops',
    queries: [[rates('bpflow_hubble_overflow', ['receiver', 'table']), '{{receiver}} {{table}}']],
  }),
];

const kubernetes: readonly Panel[] = [
  graph({
    title: 'Objects that are kept',
    description: 'Pods, namespaces, nodes and workloads.',
    unit: 'short',
    queries: [[sum('bpflow_kubernetes_objects', ['instance', 'kind']), '{{instance}} {{kind}}']],
  }),
  graph({
    title: 'Errors of the API',
    description: 'Times that the Kubernetes API did not give what it was asked for.',
    unit: 'ops',
    queries: [[rates('bpflow_kubernetes_errors', ['kind', 'reason']), '{{kind}}: {{reason}}']],
  }),
  graph({
    title: 'Quiet watches',
    description: 'Time since the last event or bookmark. A quiet watch has a bookmark a minute.',
    unit: 's',
    thresholds: [120, 600],
    queries: [[`max by (instance, kind) (${of('bpflow_kubernetes_last_event_age_seconds')})`, '{{instance}} {{kind}}']],
  }),
  graph({
    title: 'Endpoints that take no traffic',
    description: 'Of each Service; needs `endpoints: true` of the extension kubernetes.',
    unit: 'short',
    queries: [
      [
        `${sum('hubble_endpoint_count', ['namespace', 'service'])} - ${sum('hubble_endpoint_ready', ['namespace', 'service'])} > 0`,
        '{{namespace}}/{{service}}',
      ],
    ],
  }),
];
