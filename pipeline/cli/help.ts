/** What `bpflow help` prints. */
export const HELP = `bpflow: a telemetry agent in the shape of the OpenTelemetry Collector whose first source is the Linux kernel.

Usage:
  bpflow run --config <uri> [--config <uri>]… [--set <path>=<value>]…
  bpflow <command> [flags]

Commands:
  run            Run the pipelines of a configuration until SIGTERM or Ctrl-C (also without a command).
                 SIGHUP reads the configuration again; what it does not change keeps running.
  validate       Check a configuration and build its pipelines without starting them; silent when all is well.
  components     List the receivers, processors, exporters, connectors and extensions of this agent.
                 With --config also those of its plugins.
  print-config   Print the configuration with all defaults filled in.
  ledger         Print what a running agent did with its items. Ends with 2 when a balance is not 0.
  map            Print which services talk to which, with rates and errors, as a running agent sees them.
  estimate       Run the pipelines without exporting anything, and print how many series come, by metric and attribute,
                 how many the present budgets let out, and how many half of them would.
  plan           Print what this machine and a configuration allow, metric by metric: where it is counted, what it costs,
                 how exact it is, what is absent and why. Starts nothing and needs no configuration. Ends with 2 when
                 something that the configuration asks for is absent.
  explain        Print where the numbers of a running agent's metric come from, or why it is absent:
                 bpflow explain 'ebpf_syscall_count{syscall="read"}'
  version        Print the version.
  help           Print this.

Flags:
      --config <uri>         Configuration: a file's path, or a file:, env: or yaml: URI. Several are merged left to right.
      --set <path>=<value>   Set one value, over all files: --set processors.batch.timeout=3s. May be repeated.
  -h, --help                 Print this.
  -v, --version              Print the version.

Flags of print-config:
      --format yaml|json           Output format (default yaml).
      --mode redacted|unredacted   Whether secrets are hidden (default redacted).
      --validate=true|false        Whether the configuration is checked first (default true).

Flags of ledger:
      --admin <path>           Admin socket of the running agent (default /run/bpflow/bpflow.sock).
      --format text|json       Output format (default text).

Flags of map:
      --admin <path>                    Admin socket of the running agent (default /run/bpflow/bpflow.sock).
      --format text|dot|mermaid|json    Output format (default text). dot is Graphviz's.

Flags of estimate:
      --for <duration>         How long to look (default 1m). Ctrl-C ends it early.
      --format text|json       Output format (default text).

Flags of plan:
      --format text|json       Output format (default text).

Flags of explain:
      --admin <path>           Admin socket of the running agent (default /run/bpflow/bpflow.sock).
      --format text|json       Output format (default text).
`;
