# debian.sh, to be sourced: apt with sources, lists and a state of its own, from the mirror in the machine's sources.
# Nothing is installed on the machine, whatever its architecture.

# The first URI of the machine's sources whose suite has this name, in both forms that apt reads.
debian_uri() {
  {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +([^ ]+) .*main.*/\2 \3/p'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
      awk '/^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) print uri, $i }'
  } | awk -v suite="$1" '$2 == suite { print $1; exit }'
}

# debian_apt FOLDER ARCHITECTURE SUITE [SECURITY_SUITE]: makes FOLDER/.apt and fills `apt` with the options that lead there; 1:
# no Debian mirror stands in the machine's sources.
debian_apt() {
  local folder=$1 architecture=$2 main security codename signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  main=$(debian_uri "$codename") security=$(debian_uri "$codename-security")
  if [[ -z $main ]]; then return 1; fi
  mkdir -p "$folder"/.apt/{etc/preferences.d,etc/apt.conf.d,state/lists/partial,cache/archives/partial}
  : >"$folder/.apt/status"
  {
    echo "deb $signed $main $3 main"
    if [[ -n ${4:-} && -n $security ]]; then echo "deb $signed $security $4 main"; fi
  } >"$folder/.apt/etc/sources.list"
  apt=(-o "Dir::Etc=$folder/.apt/etc" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State=$folder/.apt/state"
    -o "Dir::State::status=$folder/.apt/status" -o "Dir::Cache=$folder/.apt/cache" -o "APT::Architecture=$architecture"
    -o "APT::Architectures=$architecture" -o APT::Sandbox::User=root -o Acquire::Languages=none
    -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 -q)
}
