/** What `bpflow help` prints. */
export const HELP = `bpflow: a telemetry agent in the shape of the OpenTelemetry Collector whose first source is the Linux kernel.

Usage:
  bpflow run --config <uri> [--config <uri>]… [--set <path>=<value>]…
  bpflow <command> [flags]

Commands:
  run            Run the pipelines of a configuration until SIGTERM or Ctrl-C (also without a command).
  validate       Check a configuration and build its pipelines without starting them; silent when all is well.
  components     List the receivers, processors, exporters, connectors and extensions of this agent.
                 With --config also those of its plugins.
  print-config   Print the configuration with all defaults filled in.
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
`;
