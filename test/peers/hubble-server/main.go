// Command hubble-server runs the real Cilium Hubble observer (LocalObserverServer),
// the real parser and the real Hubble gRPC server of github.com/cilium/cilium, and
// feeds it synthetic datapath monitor events and L7 access log records.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/cilium/pkg/crypto/certloader"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/build"
	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/defaults"
	"github.com/cilium/cilium/pkg/hubble/metrics"
	metricsAPI "github.com/cilium/cilium/pkg/hubble/metrics/api"
	"github.com/cilium/cilium/pkg/hubble/monitor"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	observerTypes "github.com/cilium/cilium/pkg/hubble/observer/types"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/cilium/cilium/pkg/hubble/parser/getters"
	"github.com/cilium/cilium/pkg/hubble/parser/options"
	"github.com/cilium/cilium/pkg/hubble/peer"
	"github.com/cilium/cilium/pkg/hubble/peer/serviceoption"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	"github.com/cilium/cilium/pkg/hubble/testutils"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/ipcache"
	slim_corev1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/core/v1"
	slim_metav1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/apis/meta/v1"
	"github.com/cilium/cilium/pkg/labels"
	monitorAPI "github.com/cilium/cilium/pkg/monitor/api"
	node "github.com/cilium/cilium/pkg/node"
	"github.com/cilium/cilium/pkg/node/addressing"
	nodeTypes "github.com/cilium/cilium/pkg/node/types"
	"github.com/cilium/cilium/pkg/proxy/accesslog"
)

// ---------------------------------------------------------------- topology

type pod struct {
	ns, name, workload, kind string
	id                       uint16 // endpoint id, 0 when remote
	ident                    uint32
	ip4, ip6                 netip.Addr
	labels                   []string
}

const clusterName = "demo"

func mkpod(ns, name, workload, kind string, id uint16, ident uint32, ip4, ip6 string, extra ...string) *pod {
	l := append([]string{
		"k8s:app=" + workload,
		"k8s:io.kubernetes.pod.namespace=" + ns,
		"k8s:io.cilium.k8s.policy.cluster=" + clusterName,
		"k8s:io.cilium.k8s.policy.serviceaccount=" + workload,
	}, extra...)
	return &pod{ns, name, workload, kind, id, ident, netip.MustParseAddr(ip4), netip.MustParseAddr(ip6), l}
}

var (
	frontend = mkpod("shop", "frontend-7d9fb6c5d4-abcde", "frontend", "Deployment", 101, 11001, "10.0.0.11", "fd00::11", "k8s:tier=web")
	cart     = mkpod("shop", "cart-6c5b7f8d9b-fghij", "cart", "Deployment", 102, 11002, "10.0.0.12", "fd00::12")
	checkout = mkpod("shop", "checkout-5f6d8c7b9d-klmno", "checkout", "Deployment", 103, 11003, "10.0.0.13", "fd00::13")
	coredns  = mkpod("kube-system", "coredns-76f75df574-pqrst", "coredns", "Deployment", 104, 11004, "10.0.0.14", "fd00::14", "k8s:k8s-app=kube-dns")
	kafka0   = mkpod("data", "kafka-0", "kafka", "StatefulSet", 105, 11005, "10.0.0.15", "fd00::15")
	// remote pods: only known through ipcache + identity allocator, as in a real agent
	payments = mkpod("shop", "payments-66d4bd9c5f-uvwxy", "payments", "Deployment", 0, 11006, "10.0.1.21", "fd00:1::21")
	postgres = mkpod("data", "postgres-0", "postgres", "StatefulSet", 0, 11007, "10.0.1.22", "fd00:1::22")
	local    = []*pod{frontend, cart, checkout, coredns, kafka0}
	remote   = []*pod{payments, postgres}
	worldIP  = netip.MustParseAddr("203.0.113.10")
	dnsVIP   = netip.MustParseAddr("10.96.0.10")
	cartVIP  = netip.MustParseAddr("10.96.0.20")
	nodeIP   = netip.MustParseAddr("192.0.2.1")
)

// -pods: pods beside the seven, in 50 namespaces, ten of a workload
var crowd []*pod
var crowdWorkloads int

func mkcrowd(n int) {
	crowdWorkloads = max(n/10, 1)
	const letters = "bcdfghjklm"
	for i := 0; i < n; i++ {
		w, r := i%crowdWorkloads, i/crowdWorkloads
		workload := fmt.Sprintf("service-%d", w)
		suffix := ""
		for x, j := i, 0; j < 5; x, j = x/10, j+1 {
			suffix += string(letters[x%10])
		}
		name := fmt.Sprintf("%s-%s%d-%s", workload, "6c5b7f8d9", r%10, suffix)
		crowd = append(crowd, mkpod(fmt.Sprintf("team-%d", w%50), name, workload, "Deployment", uint16(1000+i%60000), uint32(20000+w),
			fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255), fmt.Sprintf("fd00:2::%x", 1+i),
			"k8s:app.kubernetes.io/name="+workload, "k8s:app.kubernetes.io/part-of=team", "k8s:app.kubernetes.io/version=1.4.2", "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=team"))
	}
}

type topo struct {
	eps   map[netip.Addr]*testutils.FakeEndpointInfo
	byID  map[uint16]*testutils.FakeEndpointInfo
	ids   map[uint32]*identity.Identity
	ipid  map[netip.Addr]uint32
	k8s   map[netip.Addr]*ipcache.K8sMetadata
	names map[netip.Addr][]string
	svcs  map[netip.AddrPort]*flowpb.Service
}

func newTopo() *topo {
	t := &topo{map[netip.Addr]*testutils.FakeEndpointInfo{}, map[uint16]*testutils.FakeEndpointInfo{}, map[uint32]*identity.Identity{},
		map[netip.Addr]uint32{}, map[netip.Addr]*ipcache.K8sMetadata{}, map[netip.Addr][]string{}, map[netip.AddrPort]*flowpb.Service{}}
	ctrl := true
	for _, p := range append(append([]*pod{}, local...), crowd...) {
		hash := "7d9fb6c5d4"
		sp := &slim_corev1.Pod{ObjectMeta: slim_metav1.ObjectMeta{Name: p.name, Namespace: p.ns, GenerateName: p.workload + "-"}}
		if p.kind == "Deployment" {
			parts := strings.Split(p.name, "-")
			hash = parts[len(parts)-2]
			sp.ObjectMeta.GenerateName = p.workload + "-" + hash + "-"
			sp.ObjectMeta.Labels = map[string]string{"pod-template-hash": hash}
			sp.ObjectMeta.OwnerReferences = []slim_metav1.OwnerReference{{Kind: "ReplicaSet", Name: p.workload + "-" + hash, Controller: &ctrl}}
		} else {
			sp.ObjectMeta.OwnerReferences = []slim_metav1.OwnerReference{{Kind: p.kind, Name: p.workload, Controller: &ctrl}}
		}
		e := &testutils.FakeEndpointInfo{ID: uint64(p.id), Identity: identity.NumericIdentity(p.ident), IPv4: net.IP(p.ip4.AsSlice()), IPv6: net.IP(p.ip6.AsSlice()),
			PodName: p.name, PodNamespace: p.ns, Labels: p.labels, Pod: sp}
		t.eps[p.ip4], t.eps[p.ip6], t.byID[p.id] = e, e, e
	}
	for _, p := range append(append(append([]*pod{}, local...), remote...), crowd...) {
		t.ids[p.ident] = &identity.Identity{ID: identity.NumericIdentity(p.ident), Labels: labels.NewLabelsFromModel(p.labels)}
		for _, ip := range []netip.Addr{p.ip4, p.ip6} {
			t.ipid[ip] = p.ident
			t.k8s[ip] = &ipcache.K8sMetadata{Namespace: p.ns, PodName: p.name}
		}
	}
	t.ids[1] = &identity.Identity{ID: 1, Labels: labels.NewLabelsFromModel([]string{"reserved:host"})}
	t.ids[2] = &identity.Identity{ID: 2, Labels: labels.NewLabelsFromModel([]string{"reserved:world"})}
	t.ipid[nodeIP], t.ipid[worldIP] = 1, 2
	t.names[worldIP] = []string{"api.example.com"}
	t.svcs[netip.AddrPortFrom(dnsVIP, 53)] = &flowpb.Service{Name: "kube-dns", Namespace: "kube-system"}
	t.svcs[netip.AddrPortFrom(cartVIP, 80)] = &flowpb.Service{Name: "cart", Namespace: "shop"}
	return t
}

func (t *topo) GetEndpointInfo(ip netip.Addr) (getters.EndpointInfo, bool) {
	if e, ok := t.eps[ip]; ok {
		return e, true
	}
	return nil, false
}
func (t *topo) GetEndpointInfoByID(id uint16) (getters.EndpointInfo, bool) {
	if e, ok := t.byID[id]; ok {
		return e, true
	}
	return nil, false
}
func (t *topo) GetIdentity(id uint32) (*identity.Identity, error) {
	if i, ok := t.ids[id]; ok {
		return i, nil
	}
	return nil, fmt.Errorf("identity %d not found", id)
}
func (t *topo) GetNamesOf(_ uint32, ip netip.Addr) []string       { return t.names[ip] }
func (t *topo) GetK8sMetadata(ip netip.Addr) *ipcache.K8sMetadata { return t.k8s[ip] }
func (t *topo) LookupSecIDByIP(ip netip.Addr) (ipcache.Identity, bool) {
	if i, ok := t.ipid[ip]; ok {
		return ipcache.Identity{ID: identity.NumericIdentity(i)}, true
	}
	return ipcache.Identity{}, false
}
func (t *topo) GetServiceByAddr(ip netip.Addr, port uint16) *flowpb.Service {
	return t.svcs[netip.AddrPortFrom(ip, port)]
}

// peer notifier: announces the listen address of this server as one node
type notifier struct{ nodes []nodeTypes.Node }

func (n *notifier) Subscribe(h node.Handler) {
	for _, x := range n.nodes {
		h.NodeAdd(x)
	}
}
func (n *notifier) Unsubscribe(node.Handler) {}

// ---------------------------------------------------------------- payloads

func packet(src, dst netip.Addr, proto string, sport, dport uint16, flags string, payload int) []byte {
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	var ipl gopacket.SerializableLayer
	var nl gopacket.NetworkLayer
	p := map[string]layers.IPProtocol{"tcp": layers.IPProtocolTCP, "udp": layers.IPProtocolUDP, "icmp": layers.IPProtocolICMPv4, "icmp6": layers.IPProtocolICMPv6, "sctp": layers.IPProtocolSCTP}[proto]
	if src.Is4() {
		l := &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		ipl, nl = l, l
	} else {
		eth.EthernetType = layers.EthernetTypeIPv6
		l := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: p, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
		ipl, nl = l, l
	}
	var l4 gopacket.SerializableLayer
	switch proto {
	case "tcp":
		t := &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), Seq: 1, Window: 65535}
		for _, f := range flags {
			switch f {
			case 'S':
				t.SYN = true
			case 'A':
				t.ACK = true
			case 'F':
				t.FIN = true
			case 'R':
				t.RST = true
			case 'P':
				t.PSH = true
			}
		}
		t.SetNetworkLayerForChecksum(nl)
		l4 = t
	case "udp":
		u := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
		u.SetNetworkLayerForChecksum(nl)
		l4 = u
	case "icmp":
		l4 = &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: sport, Seq: 1}
	case "icmp6":
		i := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
		i.SetNetworkLayerForChecksum(nl)
		l4 = i
	case "sctp":
		l4 = &layers.SCTP{SrcPort: layers.SCTPPort(sport), DstPort: layers.SCTPPort(dport)}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: proto != "sctp"}, eth, ipl, l4, gopacket.Payload(make([]byte, payload))); err != nil {
		log.Fatal(err)
	}
	return append([]byte(nil), buf.Bytes()...)
}

var ne = binary.NativeEndian

// obs: monitorAPI.TraceTo*/From*; reason: monitor.TraceReason* (0 new,1 established,2 reply,3 related,5 unknown)
func trace(obs uint8, source uint16, srcID, dstID uint32, dstEP uint16, reason uint8, ifindex uint32, pkt []byte, v6 bool) []byte {
	b := make([]byte, 48, 48+len(pkt))
	b[0], b[1] = monitorAPI.MessageTypeTrace, obs
	ne.PutUint16(b[2:], source)
	ne.PutUint32(b[8:], uint32(len(pkt)))
	ne.PutUint16(b[12:], uint16(len(pkt)))
	b[14] = 1
	ne.PutUint32(b[16:], srcID)
	ne.PutUint32(b[20:], dstID)
	ne.PutUint16(b[24:], dstEP)
	b[26] = reason
	if v6 {
		b[27] = 1
	}
	ne.PutUint32(b[28:], ifindex)
	return append(b, pkt...)
}

func drop(reason uint8, source uint16, srcID, dstID uint32, pkt []byte) []byte {
	b := make([]byte, 36, 36+len(pkt))
	b[0], b[1] = monitorAPI.MessageTypeDrop, reason
	ne.PutUint16(b[2:], source)
	ne.PutUint32(b[8:], uint32(len(pkt)))
	ne.PutUint16(b[12:], uint16(len(pkt)))
	b[14] = 1
	ne.PutUint32(b[16:], srcID)
	ne.PutUint32(b[20:], dstID)
	ne.PutUint16(b[28:], 1234) // line
	b[30] = 2                  // file
	return append(b, pkt...)
}

// flags: direction 1 ingress 2 egress, match type << 3, audited 0x40
func verdict(source uint16, remote uint32, v int32, dport uint16, proto, flags uint8, pkt []byte) []byte {
	b := make([]byte, 40, 40+len(pkt))
	b[0] = monitorAPI.MessageTypePolicyVerdict
	ne.PutUint16(b[2:], source)
	ne.PutUint32(b[8:], uint32(len(pkt)))
	ne.PutUint16(b[12:], uint16(len(pkt)))
	ne.PutUint32(b[16:], remote)
	ne.PutUint32(b[20:], uint32(v))
	ne.PutUint16(b[24:], dport)
	b[26], b[27] = proto, flags
	return append(b, pkt...)
}

func debugMsg(sub uint8, source uint16, a1, a2, a3 uint32) []byte {
	b := make([]byte, 20)
	b[0], b[1] = monitorAPI.MessageTypeDebug, sub
	ne.PutUint16(b[2:], source)
	ne.PutUint32(b[8:], a1)
	ne.PutUint32(b[12:], a2)
	ne.PutUint32(b[16:], a3)
	return b
}

// ---------------------------------------------------------------- stats

type tally struct {
	mu sync.Mutex
	m  map[string]map[string]uint64
}

func (t *tally) add(group, key string, n uint64) {
	g := t.m[group]
	if g == nil {
		g = map[string]uint64{}
		t.m[group] = g
	}
	g[key] += n
}

var (
	fed      = &tally{m: map[string]map[string]uint64{}} // what the generator put in
	dec      = &tally{m: map[string]map[string]uint64{}} // what the real parser made of it (ring content)
	fedTotal atomic.Uint64
	sent     atomic.Uint64 // GetFlowsResponse messages handed to gRPC, all streams
	sentFlow atomic.Uint64
	sentLost atomic.Uint64
	lostSum  atomic.Uint64
	streams  atomic.Int64
	opened   atomic.Int64
	done     atomic.Bool
)

func ep(e *flowpb.Endpoint) string {
	if e.GetNamespace() != "" {
		return e.GetNamespace() + "/" + e.GetPodName()
	}
	for _, l := range e.GetLabels() {
		if strings.HasPrefix(l, "reserved:") {
			return l
		}
	}
	return "unknown"
}

func tallyFlow(f *flowpb.Flow) {
	dec.mu.Lock()
	defer dec.mu.Unlock()
	dec.add("total", "flows", 1)
	dec.add("type", f.GetType().String(), 1)
	dec.add("verdict", f.GetVerdict().String(), 1)
	dec.add("direction", f.GetTrafficDirection().String(), 1)
	rep := "unknown"
	if f.GetIsReply() != nil {
		rep = strconv.FormatBool(f.GetIsReply().GetValue())
	}
	dec.add("is_reply", rep, 1)
	dec.add("event_type", fmt.Sprintf("%d:%d", f.GetEventType().GetType(), f.GetEventType().GetSubType()), 1)
	dec.add("src_dst", ep(f.GetSource())+" -> "+ep(f.GetDestination()), 1)
	if f.GetVerdict() == flowpb.Verdict_DROPPED {
		dec.add("drop_reason", f.GetDropReasonDesc().String(), 1)
		if f.GetEventType().GetType() == monitorAPI.MessageTypeDrop {
			dec.add("drop_reason_dropevents", f.GetDropReasonDesc().String(), 1)
		}
	}
	if f.GetEventType().GetType() == monitorAPI.MessageTypePolicyVerdict {
		dec.add("policy_verdict", fmt.Sprintf("%s|%s|match=%d", f.GetTrafficDirection(), f.GetVerdict(), f.GetPolicyMatchType()), 1)
	}
	if f.GetEventType().GetType() == monitorAPI.MessageTypeTrace {
		dec.add("observation_point", f.GetTraceObservationPoint().String(), 1)
	}
	switch l := f.GetL4().GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		dec.add("l4", "TCP", 1)
		if rep != "true" {
			dec.add("dport", "TCP/"+strconv.Itoa(int(l.TCP.DestinationPort)), 1)
		}
		if fl := l.TCP.GetFlags(); fl != nil {
			s := ""
			for _, x := range []struct {
				b bool
				n string
			}{{fl.SYN, "SYN,"}, {fl.ACK, "ACK,"}, {fl.PSH, "PSH,"}, {fl.FIN, "FIN,"}, {fl.RST, "RST,"}} {
				if x.b {
					s += x.n
				}
			}
			dec.add("tcp_flags", strings.TrimSuffix(s, ","), 1)
		}
	case *flowpb.Layer4_UDP:
		dec.add("l4", "UDP", 1)
		if rep != "true" {
			dec.add("dport", "UDP/"+strconv.Itoa(int(l.UDP.DestinationPort)), 1)
		}
	case *flowpb.Layer4_ICMPv4:
		dec.add("l4", "ICMPv4", 1)
	case *flowpb.Layer4_ICMPv6:
		dec.add("l4", "ICMPv6", 1)
	case *flowpb.Layer4_SCTP:
		dec.add("l4", "SCTP", 1)
	default:
		dec.add("l4", "none", 1)
	}
	if f.GetL7() != nil {
		t := f.GetL7().GetType().String()
		switch r := f.GetL7().GetRecord().(type) {
		case *flowpb.Layer7_Http:
			dec.add("http", fmt.Sprintf("%s|%s|%s|%d|%s", t, r.Http.Method, r.Http.Protocol, r.Http.Code, f.GetVerdict()), 1)
			dec.add("http_latency", "sum_ns", f.GetL7().GetLatencyNs())
			if f.GetL7().GetLatencyNs() > 0 {
				dec.add("http_latency", "count", 1)
			}
			for _, h := range r.Http.Headers {
				if strings.EqualFold(h.Key, "content-type") && strings.HasPrefix(h.Value, "application/grpc") {
					dec.add("grpc", fmt.Sprintf("%s|%s|%d", t, r.Http.Url, r.Http.Code), 1)
				}
			}
		case *flowpb.Layer7_Dns:
			dec.add("dns", fmt.Sprintf("%s|%s|rcode=%d|%s", t, strings.Join(r.Dns.Qtypes, ","), r.Dns.Rcode, f.GetVerdict()), 1)
			dec.add("dns_query", t+"|"+r.Dns.Query, 1)
		case *flowpb.Layer7_Kafka:
			dec.add("kafka", fmt.Sprintf("%s|%s|%s|err=%d", t, r.Kafka.ApiKey, r.Kafka.Topic, r.Kafka.ErrorCode), 1)
		default:
			dec.add("l7_other", t, 1)
		}
	}
	if s := f.GetDestinationService(); s != nil {
		dec.add("destination_service", s.Namespace+"/"+s.Name, 1)
	}
	for _, n := range f.GetDestinationNames() {
		dec.add("destination_names", n, 1)
	}
}

// ---------------------------------------------------------------- feeder

var uuidBase = uuid.New()

type feeder struct {
	srv      *observer.LocalObserverServer
	consumer interface {
		NotifyAgentEvent(int, any)
		NotifyPerfEvent([]byte, int)
		NotifyPerfEventLost(uint64, int)
	}
	useConsumer bool
	nodeName    string
	kafka       bool
	seq, evno   uint32
	reqID       uint64
	last        time.Time
	pace        func(n int)
	count       bool
	sport       uint16
	crowdNo     int
	conn        map[string]uint64
}

func (f *feeder) now() time.Time {
	// without the monotonic part: durations in /stats are then those of the flows' own times
	t := time.Now().Round(0)
	if !t.After(f.last) {
		t = f.last.Add(time.Nanosecond)
	}
	f.last = t
	return t
}

func (f *feeder) send(ts time.Time, payload any) {
	if f.useConsumer {
		switch p := payload.(type) {
		case *observerTypes.PerfEvent:
			f.consumer.NotifyPerfEvent(p.Data, p.CPU)
		case *observerTypes.AgentEvent:
			f.consumer.NotifyAgentEvent(p.Type, p.Message)
		case *observerTypes.LostEvent:
			f.consumer.NotifyPerfEventLost(p.NumLostEvents, p.CPU)
		}
		return
	}
	id := uuidBase
	f.evno++
	binary.BigEndian.PutUint32(id[12:], f.evno)
	f.srv.GetEventsChannel() <- &observerTypes.MonitorEvent{UUID: id, Timestamp: ts, NodeName: f.nodeName, Payload: payload}
}

func (f *feeder) note(group, key string, n uint64) {
	if f.count {
		fed.mu.Lock()
		fed.add(group, key, n)
		fed.mu.Unlock()
	}
}

func (f *feeder) perf(kind string, data []byte) time.Time {
	f.pace(1)
	ts := f.now()
	f.send(ts, &observerTypes.PerfEvent{Data: data})
	fedTotal.Add(1)
	f.note("events", kind, 1)
	return ts
}

func (f *feeder) l7(kind string, r accesslog.LogRecord) {
	f.pace(1)
	f.send(f.now(), &observerTypes.AgentEvent{Type: monitorAPI.MessageTypeAccessLog, Message: r})
	fedTotal.Add(1)
	f.note("events", kind, 1)
}

func (f *feeder) agent(t monitorAPI.AgentNotification, n any) {
	f.send(f.now(), &observerTypes.AgentEvent{Type: monitorAPI.MessageTypeAgent, Message: monitorAPI.AgentNotifyMessage{Type: t, Notification: n}})
	f.note("agent_events", fmt.Sprintf("%d", t), 1)
}

func (f *feeder) nextPort() uint16 {
	f.sport++
	if f.sport < 20000 {
		f.sport = 20000
	}
	return f.sport
}

func info(p *pod, port uint16, v6 bool) accesslog.EndpointInfo {
	e := accesslog.EndpointInfo{ID: uint64(p.id), Port: port, Identity: uint64(p.ident), Labels: labelArr[p]}
	if v6 {
		e.IPv6 = p.ip6.String()
	} else {
		e.IPv4 = p.ip4.String()
	}
	return e
}

var labelArr = map[*pod]labels.LabelArray{}

// tcpConn: full life of one connection as seen at the node: SYN, SYN-ACK, ACK, 2 data, FIN x2 (or RST)
func (f *feeder) tcpConn(a, b *pod, dport uint16, v6, rst bool) {
	sp := f.nextPort()
	src, dst := a.ip4, b.ip4
	if v6 {
		src, dst = a.ip6, b.ip6
	}
	fw := func(flags string, reason uint8, n int) time.Time {
		return f.perf("trace", trace(monitorAPI.TraceToLxc, a.id, a.ident, b.ident, b.id, reason, 7, packet(src, dst, "tcp", sp, dport, flags, n), v6))
	}
	rv := func(flags string, n int) time.Time {
		return f.perf("trace", trace(monitorAPI.TraceToLxc, a.id, b.ident, a.ident, a.id, 2, 6, packet(dst, src, "tcp", dport, sp, flags, n), v6))
	}
	t0 := fw("S", 0, 0)
	rv("SA", 0)
	fw("A", 1, 0)
	fw("PA", 1, 200)
	rv("PA", 800)
	var t1 time.Time
	if rst {
		t1 = rv("RA", 0)
		f.note("tcp_conn", "rst", 1)
	} else {
		fw("FA", 1, 0)
		t1 = rv("FA", 0)
		f.note("tcp_conn", "fin", 1)
	}
	f.note("tcp_conn", "opened", 1)
	f.note("tcp_conn", "duration_sum_ns", uint64(t1.Sub(t0)))
}

func (f *feeder) httpExchange(a, b *pod, method, path string, code int, lat time.Duration, proto string, hdrs http.Header, verdict accesslog.FlowVerdict) {
	f.reqID++
	rid := fmt.Sprintf("req-%016x", f.reqID)
	u := &url.URL{Scheme: "http", Host: b.workload + "." + b.ns + ".svc:8080", Path: path}
	t0 := time.Now()
	h := http.Header{"X-Request-Id": []string{rid}, "User-Agent": []string{"test-client"}}
	for k, v := range hdrs {
		h[k] = v
	}
	sp := f.nextPort()
	// One in four is seen by the proxy of its client.
	point, side := accesslog.Ingress, "server"
	if f.reqID%4 == 3 {
		point, side = accesslog.Egress, "client"
	}
	base := accesslog.LogRecord{ObservationPoint: point, SourceEndpoint: info(a, sp, false), DestinationEndpoint: info(b, 8080, false),
		IPVersion: accesslog.VersionIPv4, TransportProtocol: 6}
	req := base
	req.Type, req.Verdict, req.Timestamp = accesslog.TypeRequest, verdict, t0.UTC().Format(time.RFC3339Nano)
	req.HTTP = &accesslog.LogRecordHTTP{Method: method, URL: u, Protocol: proto, Headers: h}
	kind := "http"
	if hdrs.Get("Content-Type") != "" && strings.HasPrefix(hdrs.Get("Content-Type"), "application/grpc") {
		kind = "grpc"
	}
	f.l7(kind+"_request", req)
	resp := base
	resp.SourceEndpoint, resp.DestinationEndpoint = req.DestinationEndpoint, req.SourceEndpoint
	resp.Type, resp.Verdict, resp.Timestamp = accesslog.TypeResponse, verdict, t0.Add(lat).UTC().Format(time.RFC3339Nano)
	rh := http.Header{"X-Request-Id": []string{rid}}
	for k, v := range hdrs {
		rh[k] = v
	}
	resp.HTTP = &accesslog.LogRecordHTTP{Method: method, URL: u, Protocol: proto, Code: code, Headers: rh}
	f.l7(kind+"_response", resp)
	f.note(kind+"_status", strconv.Itoa(code), 1)
	f.note(kind+"_method", method, 1)
	f.note(kind+"_latency", "sum_ns", uint64(lat))
	f.note(kind+"_latency", "count", 1)
	f.note("edge_latency", side+"_sum_ns", uint64(lat))
	f.note("edge_latency", side+"_count", 1)
}

func (f *feeder) dns(a *pod, q string, qtype uint16, rcode int, ips []netip.Addr, cnames []string) {
	sp := f.nextPort()
	base := accesslog.LogRecord{ObservationPoint: accesslog.Egress, SourceEndpoint: info(a, sp, false), DestinationEndpoint: info(coredns, 53, false),
		IPVersion: accesslog.VersionIPv4, TransportProtocol: 17, Verdict: accesslog.VerdictForwarded}
	req := base
	req.Type, req.Timestamp = accesslog.TypeRequest, time.Now().UTC().Format(time.RFC3339Nano)
	req.DNS = &accesslog.LogRecordDNS{Query: q, ObservationSource: accesslog.DNSSourceProxy, QTypes: []uint16{qtype}}
	f.l7("dns_request", req)
	resp := base
	resp.SourceEndpoint, resp.DestinationEndpoint = req.DestinationEndpoint, req.SourceEndpoint
	resp.Type, resp.Timestamp = accesslog.TypeResponse, time.Now().UTC().Format(time.RFC3339Nano)
	at := []uint16{}
	for range ips {
		at = append(at, qtype)
	}
	resp.DNS = &accesslog.LogRecordDNS{Query: q, ObservationSource: accesslog.DNSSourceProxy, QTypes: []uint16{qtype}, RCode: rcode, IPs: ips, TTL: 30, CNAMEs: cnames, AnswerTypes: at}
	f.l7("dns_response", resp)
	f.note("dns_qtype", strconv.Itoa(int(qtype)), 1)
	f.note("dns_rcode", strconv.Itoa(rcode), 1)
}

var dropReasons = []uint8{133, 181, 132, 155, 169, 151, 203}
var latencies = []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 150 * time.Millisecond, 1200 * time.Millisecond}
var codes = []int{200, 200, 200, 200, 201, 204, 301, 404, 500, 503}
var methods = []string{"GET", "GET", "POST", "PUT", "DELETE"}

// crowd: one connection with one HTTP exchange between two pods of -pods. Pods 0, 2, 4, ... are clients; each replica of a
// client's workload talks to another of four servers' workloads.
func (f *feeder) crowd() {
	n := len(crowd)
	if n < 8 {
		return
	}
	k := f.crowdNo
	f.crowdNo++
	p := 2 * k % n
	a, b := crowd[p], crowd[(p+1+2*(p/crowdWorkloads%4))%n]
	sp := f.nextPort()
	fw := func(flags string, reason uint8, n int) {
		f.perf("trace", trace(monitorAPI.TraceToLxc, a.id, a.ident, b.ident, b.id, reason, 7, packet(a.ip4, b.ip4, "tcp", sp, 8080, flags, n), false))
	}
	rv := func(flags string, n int) {
		f.perf("trace", trace(monitorAPI.TraceToLxc, a.id, b.ident, a.ident, a.id, 2, 6, packet(b.ip4, a.ip4, "tcp", 8080, sp, flags, n), false))
	}
	fw("S", 0, 0)
	rv("SA", 0)
	f.httpExchange(a, b, methods[k%len(methods)], "/api/v1/items", codes[k%len(codes)], latencies[k%len(latencies)], "HTTP/1.1", nil, accesslog.VerdictForwarded)
	fw("FA", 1, 0)
	rv("FA", 0)
}

// one round of the mix; every scenario is deterministic in i, so totals are reproducible
func (f *feeder) round(i int, mix map[string]int) {
	f.seq = uint32(i)
	for k := 0; k < mix["tcp"]; k++ {
		switch (i + k) % 4 {
		case 0:
			f.tcpConn(frontend, cart, 8080, false, false)
		case 1:
			f.tcpConn(cart, payments, 9090, false, false)
		case 2:
			f.tcpConn(checkout, postgres, 5432, false, i%8 == 2)
		case 3:
			f.tcpConn(frontend, checkout, 8080, true, false)
		}
	}
	for k := 0; k < mix["udp"]; k++ {
		f.perf("trace", trace(monitorAPI.TraceFromLxc, frontend.id, frontend.ident, 0, 0, 5, 7, packet(frontend.ip4, dnsVIP, "udp", f.nextPort(), 53, "", 40), false))
		f.perf("trace", trace(monitorAPI.TraceToLxc, frontend.id, frontend.ident, coredns.ident, coredns.id, 0, 8, packet(frontend.ip4, coredns.ip4, "udp", f.sport, 53, "", 40), false))
	}
	for k := 0; k < mix["pods"]; k++ {
		f.crowd()
	}
	for k := 0; k < mix["icmp"]; k++ {
		f.perf("trace", trace(monitorAPI.TraceToLxc, frontend.id, frontend.ident, cart.ident, cart.id, 0, 7, packet(frontend.ip4, cart.ip4, "icmp", 1, 0, "", 8), false))
	}
	for k := 0; k < mix["world"]; k++ {
		f.perf("trace", trace(monitorAPI.TraceToStack, checkout.id, checkout.ident, 2, 0, 0, 7, packet(checkout.ip4, worldIP, "tcp", f.nextPort(), 443, "S", 0), false))
	}
	for k := 0; k < mix["svc"]; k++ {
		f.perf("trace", trace(monitorAPI.TraceFromLxc, frontend.id, frontend.ident, 0, 0, 5, 7, packet(frontend.ip4, cartVIP, "tcp", f.nextPort(), 80, "S", 0), false))
	}
	for k := 0; k < mix["drop"]; k++ {
		r := dropReasons[(i+k)%len(dropReasons)]
		f.perf("drop", drop(r, frontend.id, frontend.ident, postgres.ident, packet(frontend.ip4, postgres.ip4, "tcp", f.nextPort(), 5432, "S", 0)))
		f.note("drop_reason", flowpb.DropReason(r).String(), 1)
	}
	for k := 0; k < mix["verdict"]; k++ {
		x := (i + k) % 5
		pk := packet(frontend.ip4, cart.ip4, "tcp", f.nextPort(), 8080, "S", 0)
		switch x {
		case 0: // ingress allowed L3-L4
			f.perf("verdict", verdict(cart.id, frontend.ident, 0, 8080, 6, 1|2<<3, pk))
		case 1: // egress allowed L3 only
			f.perf("verdict", verdict(frontend.id, cart.ident, 0, 8080, 6, 2|1<<3, pk))
		case 2: // ingress denied
			f.perf("verdict", verdict(cart.id, frontend.ident, -133, 8080, 6, 1|0<<3, pk))
		case 3: // egress redirected to proxy, L4 only
			f.perf("verdict", verdict(frontend.id, cart.ident, 10001, 8080, 6, 2|3<<3, pk))
		case 4: // audit
			f.perf("verdict", verdict(cart.id, frontend.ident, 0, 8080, 6, 1|4<<3|0x40, pk))
		}
	}
	for k := 0; k < mix["http"]; k++ {
		j := i + k
		f.httpExchange(frontend, cart, methods[j%len(methods)], fmt.Sprintf("/api/v1/cart/%d", j%50), codes[j%len(codes)], latencies[j%len(latencies)], "HTTP/1.1", nil, accesslog.VerdictForwarded)
		if j%20 == 19 {
			f.httpExchange(frontend, cart, "GET", "/admin", 403, time.Millisecond, "HTTP/1.1", nil, accesslog.VerdictDenied)
		}
	}
	for k := 0; k < mix["grpc"]; k++ {
		j := i + k
		h := http.Header{"Content-Type": []string{"application/grpc"}}
		if j%10 == 9 {
			h.Set("Grpc-Status", "14") // trailers-only answer: status is in the (only) header block
			h["grpc-status"] = []string{"14"}
			delete(h, "Grpc-Status")
		}
		f.httpExchange(cart, payments, "POST", "/shop.Payments/"+[]string{"Charge", "Refund"}[j%2], 200, latencies[j%len(latencies)], "HTTP/2", h, accesslog.VerdictForwarded)
	}
	for k := 0; k < mix["dns"]; k++ {
		switch (i + k) % 4 {
		case 0:
			f.dns(frontend, "cart.shop.svc.cluster.local.", 1, 0, []netip.Addr{cartVIP}, nil)
		case 1:
			f.dns(frontend, "cart.shop.svc.cluster.local.", 28, 0, nil, nil)
		case 2:
			f.dns(checkout, "api.example.com.", 1, 0, []netip.Addr{worldIP}, []string{"edge.example.net."})
		case 3:
			f.dns(checkout, "missing.example.com.", 1, 3, nil, nil)
		}
	}
	for k := 0; k < mix["kafka"]; k++ {
		for _, t := range []accesslog.FlowType{accesslog.TypeRequest, accesslog.TypeResponse} {
			ec := "0"
			if (i+k)%5 == 4 {
				ec = "29"
			}
			f.l7("kafka", accesslog.LogRecord{Type: t, Timestamp: time.Now().UTC().Format(time.RFC3339Nano), ObservationPoint: accesslog.Ingress,
				SourceEndpoint: info(checkout, 40000, false), DestinationEndpoint: info(kafka0, 9092, false), TransportProtocol: 6, Verdict: accesslog.VerdictForwarded,
				L7: &accesslog.LogRecordL7{Proto: "kafka", Fields: map[string]string{"api_key": []string{"produce", "fetch"}[(i+k)%2], "topic": "orders", "error_code": ec}}})
		}
	}
	for k := 0; k < mix["agent"]; k++ {
		switch (i + k) % 4 {
		case 0:
			f.agent(monitorAPI.AgentNotifyEndpointCreated, monitorAPI.EndpointNotification{EndpointRegenNotification: monitorAPI.EndpointRegenNotification{ID: 101, Labels: frontend.labels}, PodName: frontend.name, Namespace: frontend.ns})
		case 1:
			f.agent(monitorAPI.AgentNotifyPolicyUpdated, monitorAPI.PolicyUpdateNotification{Labels: []string{"k8s:io.cilium.k8s.policy.name=allow-web"}, Revision: uint64(i), RuleCount: 1})
		case 2:
			f.agent(monitorAPI.AgentNotifyEndpointRegenerateSuccess, monitorAPI.EndpointRegenNotification{ID: 102, Labels: cart.labels})
		case 3:
			f.agent(monitorAPI.AgentNotifyEndpointDeleted, monitorAPI.EndpointNotification{EndpointRegenNotification: monitorAPI.EndpointRegenNotification{ID: 101, Labels: frontend.labels}, PodName: frontend.name, Namespace: frontend.ns})
		}
	}
	for k := 0; k < mix["debug"]; k++ {
		f.send(f.now(), &observerTypes.PerfEvent{Data: debugMsg(17, 101, 1, 2, 3), CPU: 1})
		f.note("debug_events", "17", 1)
	}
	for k := 0; k < mix["lost"]; k++ {
		f.send(f.now(), &observerTypes.LostEvent{Source: observerTypes.LostEventSourcePerfRingBuffer, NumLostEvents: 7, CPU: 1})
		f.note("lost", "PERF_EVENT_RING_BUFFER", 7)
	}
}

func parseMix(s string) map[string]int {
	m := map[string]int{}
	for _, kv := range strings.Split(s, ",") {
		if kv == "" {
			continue
		}
		k, v, _ := strings.Cut(kv, "=")
		n, err := strconv.Atoi(v)
		if err != nil {
			log.Fatalf("bad mix %q", kv)
		}
		m[k] = n
	}
	return m
}

type sendCounter struct{ grpc.ServerStream }

func (s *sendCounter) SendMsg(m any) error {
	err := s.ServerStream.SendMsg(m)
	if err == nil {
		sent.Add(1)
		if r, ok := m.(*observerpb.GetFlowsResponse); ok {
			if r.GetFlow() != nil {
				sentFlow.Add(1)
			} else if l := r.GetLostEvents(); l != nil {
				sentLost.Add(1)
				lostSum.Add(l.NumEventsLost)
			}
		}
	}
	return err
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		benchMain(os.Args[2:])
		return
	}
	listen := flag.String("listen", "127.0.0.1:4244", "plain gRPC address ('' = none)")
	listenTLS := flag.String("listen-tls", "", "gRPC address with server TLS (1.3)")
	listenMTLS := flag.String("listen-mtls", "", "gRPC address with mutual TLS (1.3)")
	unixPath := flag.String("unix", "", "unix socket path (plain)")
	statsAddr := flag.String("stats", "127.0.0.1:4290", "HTTP address of /stats /feed /reset /metrics /quit")
	tlsDir := flag.String("tls-dir", "", "write ca.crt, server.crt/key, client.crt/key, relay.crt/key here (made if missing)")
	certOnly := flag.Bool("certs-only", false, "write certificates and exit")
	rate := flag.Float64("rate", 1000, "flows per second (0 = as fast as possible)")
	total := flag.Uint64("total", 0, "stop after about this many flows (whole rounds; 0 = endless)")
	rounds := flag.Int("rounds", 0, "stop after exactly this many rounds of the mix (0 = use -total)")
	mixS := flag.String("mix", "tcp=1,udp=1,icmp=1,world=1,svc=1,drop=1,verdict=1,http=2,grpc=1,dns=1,kafka=0,agent=0,debug=0,lost=0", "scenarios per round")
	ring := flag.Int("ring", 4095, "ring buffer capacity, 2^n-1 (Cilium default 4095)")
	queue := flag.Int("queue", 1024, "monitor event queue size (hubble-event-queue-size)")
	lostInt := flag.Duration("lost-interval", time.Second, "lost event send interval")
	wait := flag.Int("wait-streams", 0, "do not feed before this many GetFlows streams are open")
	delay := flag.Duration("delay", 0, "do not feed before this delay")
	consumer := flag.Bool("consumer", false, "feed through the real pkg/hubble/monitor consumer (drops with OBSERVER_EVENTS_QUEUE LostEvent when the queue is full)")
	doTally := flag.Bool("tally", true, "count decoded flows (off for throughput runs)")
	redact := flag.Bool("redact", false, "turn on hubble redact (url query, user info, all headers)")
	metricsS := flag.String("hubble-metrics", "", "run the REAL Hubble metrics too, e.g. 'flow drop tcp http:labelsContext=source_namespace dns policy'")
	nodeName := flag.String("node-name", "node-a", "node name")
	peerPort := flag.Int("peer-port", 4244, "port announced by the peer service")
	peerIP := flag.String("peer-ip", "127.0.0.1", "address announced by the peer service")
	peers := flag.String("peers", "", "more nodes that the peer service announces, at the same port: name=address,...")
	peerTLS := flag.Bool("peer-tls", false, "announce TLS server names in the peer service")
	procs := flag.Int("procs", 0, "GOMAXPROCS")
	pods := flag.Int("pods", 0, "so many pods beside the seven, for the scenario pods of the mix: at most 60000")
	emptyRing := flag.Bool("empty-ring", false, "do not write 3 agent events at start (shows the stuck follower of a fresh ring)")
	verbose := flag.Bool("verbose", false, "debug log")
	flag.Parse()
	if *procs > 0 {
		runtime.GOMAXPROCS(*procs)
	}
	if *tlsDir != "" {
		if err := writeCerts(*tlsDir); err != nil {
			log.Fatal(err)
		}
	}
	if *certOnly {
		return
	}
	mkcrowd(min(*pods, 60000))
	level := slog.LevelWarn
	if *verbose {
		level = slog.LevelDebug
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	for _, p := range append(append(append([]*pod{}, local...), remote...), crowd...) {
		labelArr[p] = labels.NewLabelsFromModel(p.labels).LabelArray()
	}
	nodeTypes.SetName(*nodeName)
	absNode := clusterName + "/" + *nodeName
	t := newTopo()
	var popts []options.Option
	if *redact {
		popts = append(popts, options.WithRedact(true, true, nil, nil))
	}
	p, err := parser.New(logger, t, t, t, t, t, &testutils.NoopLinkGetter, &testutils.NoopPodMetadataGetter, popts...)
	if err != nil {
		log.Fatal(err)
	}
	capa, err := container.NewCapacity(*ring)
	if err != nil {
		log.Fatal(err)
	}
	opts := []observeroption.Option{observeroption.WithMaxFlows(capa), observeroption.WithMonitorBuffer(*queue), observeroption.WithLostEventSendInterval(*lostInt)}
	// Cilium 1.20 has no Kafka parser any more: rebuild the (deprecated) l7.kafka message as an older agent would send it.
	type kctx struct{ api, topic, ec string }
	opts = append(opts, observeroption.WithOnDecodedFlowFunc(func(_ context.Context, f *flowpb.Flow) (bool, error) {
		if f.GetL7() != nil && f.GetL7().GetRecord() == nil && strings.HasPrefix(f.GetSummary(), "kafka Fields:") { //nolint
			s := f.GetSummary()
			k := &flowpb.Kafka{ApiVersion: 7, Topic: "orders", CorrelationId: 1}
			if strings.Contains(s, "api_key:produce") {
				k.ApiKey = "produce"
			} else {
				k.ApiKey = "fetch"
			}
			if strings.Contains(s, "error_code:29") && f.GetL7().GetType() == flowpb.L7FlowType_RESPONSE {
				k.ErrorCode = 29
			}
			f.L7.Record = &flowpb.Layer7_Kafka{Kafka: k}
		}
		f.NodeLabels = []string{"kubernetes.io/arch=amd64", "kubernetes.io/os=linux", "topology.kubernetes.io/zone=z1"}
		return false, nil
	}))
	reg := prometheus.NewRegistry()
	if *metricsS != "" {
		hs, err := metrics.InitMetricHandlers(logger, reg, metricsAPI.ParseStaticMetricsConfig(strings.Fields(*metricsS)))
		if err != nil {
			log.Fatal(err)
		}
		fp := metrics.NewStaticFlowProcessor(logger, *hs)
		reg.MustRegister(metrics.LostEvents)
		opts = append(opts, observeroption.WithOnDecodedFlowFunc(fp.OnDecodedFlow))
	}
	if *doTally {
		opts = append(opts, observeroption.WithOnDecodedEventFunc(func(_ context.Context, e *v1.Event) (bool, error) {
			switch x := e.Event.(type) {
			case *flowpb.Flow:
				tallyFlow(x)
			case *flowpb.AgentEvent:
				dec.mu.Lock()
				dec.add("agent_event", x.GetType().String(), 1)
				dec.mu.Unlock()
			case *flowpb.DebugEvent:
				dec.mu.Lock()
				dec.add("debug_event", x.GetType().String(), 1)
				dec.mu.Unlock()
			case *flowpb.LostEvent:
				dec.mu.Lock()
				dec.add("lost_event", x.GetSource().String(), x.GetNumEventsLost())
				dec.mu.Unlock()
			}
			return false, nil
		}))
	}
	nsm := namespace.NewManager()
	srv, err := observer.NewLocalServer(p, nsm, logger, opts...)
	if err != nil {
		log.Fatal(err)
	}
	go srv.Start()

	nt := &notifier{nodes: []nodeTypes.Node{{Name: *nodeName, Cluster: clusterName, IPAddresses: []nodeTypes.Address{{Type: addressing.NodeInternalIP, IP: net.ParseIP(*peerIP)}}}}}
	for _, kv := range strings.FieldsFunc(*peers, func(r rune) bool { return r == ',' }) {
		name, ip, _ := strings.Cut(kv, "=")
		nt.nodes = append(nt.nodes, nodeTypes.Node{Name: name, Cluster: clusterName, IPAddresses: []nodeTypes.Address{{Type: addressing.NodeInternalIP, IP: net.ParseIP(ip)}}})
	}
	psOpts := []serviceoption.Option{serviceoption.WithHubblePort(*peerPort)}
	if !*peerTLS {
		psOpts = append(psOpts, serviceoption.WithoutTLSInfo())
	}
	ps := peer.NewService(nt, psOpts...)
	verHdr := metadata.Pairs(defaults.GRPCMetadataServerVersionKey, build.ServerVersion.SemVer())
	common := func() []serveroption.Option {
		return []serveroption.Option{serveroption.WithHealthService(), serveroption.WithObserverService(srv), serveroption.WithPeerService(ps),
			serveroption.WithGRPCUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
				r, err := h(ctx, req)
				grpc.SetHeader(ctx, verHdr)
				return r, err
			}),
			serveroption.WithGRPCStreamInterceptor(func(s any, ss grpc.ServerStream, i *grpc.StreamServerInfo, h grpc.StreamHandler) error {
				ss.SetHeader(verHdr)
				if strings.HasSuffix(i.FullMethod, "/GetFlows") {
					streams.Add(1)
					opened.Add(1)
					defer streams.Add(-1)
				}
				return h(s, &sendCounter{ss})
			})}
	}
	serve := func(name string, o ...serveroption.Option) {
		s, err := server.NewServer(logger, append(common(), o...)...)
		if err != nil {
			log.Fatal(name, ": ", err)
		}
		go func() { log.Fatal(s.Serve()) }()
	}
	if *listen != "" {
		serve("plain", serveroption.WithTCPListener(*listen), serveroption.WithInsecure())
	}
	if *unixPath != "" {
		serve("unix", serveroption.WithUnixSocketListener(logger, "unix://"+*unixPath), serveroption.WithInsecure())
	}
	if *listenTLS != "" {
		c, err := certloader.NewWatchedServerConfig(logger, nil, *tlsDir+"/server.crt", *tlsDir+"/server.key")
		if err != nil {
			log.Fatal(err)
		}
		serve("tls", serveroption.WithTCPListener(*listenTLS), serveroption.WithServerTLS(c))
	}
	if *listenMTLS != "" {
		c, err := certloader.NewWatchedServerConfig(logger, []string{*tlsDir + "/ca.crt"}, *tlsDir+"/server.crt", *tlsDir+"/server.key")
		if err != nil {
			log.Fatal(err)
		}
		serve("mtls", serveroption.WithTCPListener(*listenMTLS), serveroption.WithServerTLS(c))
	}

	fd := &feeder{srv: srv, useConsumer: *consumer, nodeName: absNode, count: *doTally}
	if *consumer {
		fd.consumer = monitor.NewConsumer(srv, *lostInt)
	}
	if !*emptyRing {
		// a follower that opens on a ring with fewer than 2 entries gets nothing until the ring has wrapped
		// (reader position underflows): start with 3 agent events, as a real agent soon has
		for i := 0; i < 3; i++ {
			fd.agent(monitorAPI.AgentNotifyStart, monitorAPI.TimeNotification{Time: time.Now().UTC().Format(time.RFC3339Nano)})
		}
	}
	var feedMu sync.Mutex
	roundNo := 0
	feed := func(rate float64, total uint64, rounds int, mix map[string]int) {
		feedMu.Lock()
		defer feedMu.Unlock()
		done.Store(false)
		start, n := time.Now(), 0
		fd.pace = func(k int) {
			n += k
			if rate > 0 {
				due := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
				if d := time.Until(due); d > 2*time.Millisecond {
					time.Sleep(d)
				}
			}
		}
		base := fedTotal.Load()
		for i := 0; (rounds > 0 && i < rounds) || (rounds == 0 && (total == 0 || fedTotal.Load()-base < total)); i++ {
			before := n
			fd.round(roundNo, mix)
			roundNo++
			if n == before {
				time.Sleep(time.Millisecond)
			}
		}
		// a ring reader never gets the newest entry until another is written: push one
		// non-flow event behind the flows so that followers receive all of them
		fd.agent(monitorAPI.AgentNotifyStart, monitorAPI.TimeNotification{Time: time.Now().UTC().Format(time.RFC3339Nano)})
		// wait until the observer has read everything
		for len(srv.GetEventsChannel()) > 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		done.Store(true)
	}
	startFeed := *rate != 0 || *total != 0 || *rounds != 0
	if startFeed && !(*total == 0 && *rounds == 0 && *rate < 0) {
		go func() {
			time.Sleep(*delay)
			for opened.Load() < int64(*wait) {
				time.Sleep(5 * time.Millisecond)
			}
			feed(*rate, *total, *rounds, parseMix(*mixS))
		}()
	}

	mux := http.NewServeMux()
	if *metricsS != "" {
		mux.Handle("/metrics", metrics.ServerHandler(reg, true))
	}
	mux.HandleFunc("/stats", func(w http.ResponseWriter, r *http.Request) {
		var ru syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
		fed.mu.Lock()
		dec.mu.Lock()
		defer fed.mu.Unlock()
		defer dec.mu.Unlock()
		st, _ := srv.ServerStatus(r.Context(), &observerpb.ServerStatusRequest{})
		w.Header().Set("content-type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		e.Encode(map[string]any{
			"done": done.Load(), "fed_flows": fedTotal.Load(), "fed": fed.m, "decoded": dec.m, "rounds": roundNo,
			"grpc":   map[string]any{"streams_open": streams.Load(), "streams_opened": opened.Load(), "messages_sent": sent.Load(), "flows_sent": sentFlow.Load(), "lost_messages_sent": sentLost.Load(), "lost_events_sent_sum": lostSum.Load()},
			"server": map[string]any{"num_flows": st.GetNumFlows(), "max_flows": st.GetMaxFlows(), "seen_flows": st.GetSeenFlows(), "flows_rate": st.GetFlowsRate(), "version": st.GetVersion()},
			"cpu_ms": (ru.Utime.Sec+ru.Stime.Sec)*1000 + (ru.Utime.Usec+ru.Stime.Usec)/1000,
		})
	})
	mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		rt, _ := strconv.ParseFloat(q.Get("rate"), 64)
		tt, _ := strconv.ParseUint(q.Get("total"), 10, 64)
		rd, _ := strconv.Atoi(q.Get("rounds"))
		if tt == 0 && rd == 0 {
			http.Error(w, "total or rounds needed", 400)
			return
		}
		mx := q.Get("mix")
		if mx == "" {
			mx = *mixS
		}
		feed(rt, tt, rd, parseMix(mx))
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		for _, t := range []*tally{fed, dec} {
			t.mu.Lock()
			t.m = map[string]map[string]uint64{}
			t.mu.Unlock()
		}
		for _, a := range []*atomic.Uint64{&fedTotal, &sent, &sentFlow, &sentLost, &lostSum} {
			a.Store(0)
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/quit", func(w http.ResponseWriter, r *http.Request) {
		go func() { time.Sleep(50 * time.Millisecond); os.Exit(0) }()
	})
	go func() { log.Fatal(http.ListenAndServe(*statsAddr, mux)) }()
	fmt.Println("ready", *listen, *listenTLS, *listenMTLS, "stats", *statsAddr)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	<-c
}
