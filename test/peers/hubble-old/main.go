// Writes what receivers/hubble/test/cilium-1.12.json holds: messages of GetFlows as an agent of Cilium 1.12 makes them. Its own parser reads
// packets and records of its proxy. To be run by hand, with two minutes of CPU: GOFLAGS=-mod=mod go mod tidy -e && GOFLAGS=-mod=mod go run .
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	observer "github.com/cilium/cilium/pkg/hubble/observer/types"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/cilium/cilium/pkg/hubble/testutils"
	"github.com/cilium/cilium/pkg/ipcache"
	monitor "github.com/cilium/cilium/pkg/monitor/api"
	"github.com/cilium/cilium/pkg/proxy/accesslog"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

var ne = binary.LittleEndian

type pod struct {
	id, identity uint32
	name, ip     string
	labels       []string
}

var (
	frontend = &pod{101, 11001, "frontend-7d9fb6c5d4-abcde", "10.0.0.1", []string{"k8s:app=frontend", "k8s:io.kubernetes.pod.namespace=shop"}}
	cart     = &pod{102, 11002, "cart-6c5b7f8d9b-fghij", "10.0.0.2", []string{"k8s:app=cart", "k8s:io.kubernetes.pod.namespace=shop"}}
)

type line struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Text    json.RawMessage `json:"text"`
}

func main() {
	getter := &testutils.FakeEndpointGetter{OnGetEndpointInfo: func(ip net.IP) (v1.EndpointInfo, bool) {
		for _, p := range []*pod{frontend, cart} {
			if p.ip == ip.String() {
				return &testutils.FakeEndpointInfo{ID: uint64(p.id), Identity: 0, PodName: p.name, PodNamespace: "shop", Labels: p.labels}, true
			}
		}
		return nil, false
	}}
	metadata := &testutils.FakeIPGetter{
		OnGetK8sMetadata: func(ip net.IP) *ipcache.K8sMetadata {
			for _, p := range []*pod{frontend, cart} {
				if p.ip == ip.String() {
					return &ipcache.K8sMetadata{Namespace: "shop", PodName: p.name}
				}
			}
			return nil
		},
		OnLookupSecIDByIP: func(net.IP) (ipcache.Identity, bool) { return ipcache.Identity{}, false },
	}
	quiet := logrus.New()
	quiet.SetOutput(os.Stderr)
	p, err := parser.New(quiet, getter, nil, nil, metadata, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2024, 5, 1, 12, 0, 0, 123456789, time.UTC)
	var lines []line
	add := func(name string, payload any) {
		at = at.Add(1_500_000)
		event, err := p.Decode(&observer.MonitorEvent{Timestamp: at, NodeName: "node-a", Payload: payload})
		if err != nil {
			log.Fatal(name, err)
		}
		response := &observerpb.GetFlowsResponse{Time: event.Timestamp, NodeName: "node-a"}
		switch e := event.Event.(type) {
		case *flowpb.Flow:
			response.ResponseTypes = &observerpb.GetFlowsResponse_Flow{Flow: e}
		case *flowpb.LostEvent:
			response.ResponseTypes = &observerpb.GetFlowsResponse_LostEvents{LostEvents: e}
		default:
			log.Fatalf("%s: %T", name, e)
		}
		bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(response)
		if err != nil {
			log.Fatal(err)
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(response)
		if err != nil {
			log.Fatal(err)
		}
		lines = append(lines, line{name, base64.StdEncoding.EncodeToString(bytes), text})
	}
	perf := func(data []byte) *observer.PerfEvent { return &observer.PerfEvent{Data: data} }
	record := func(r accesslog.LogRecord) *observer.AgentEvent {
		r.Timestamp, r.IPVersion = at.Format(time.RFC3339Nano), accesslog.VersionIPv4
		return &observer.AgentEvent{Type: monitor.MessageTypeAccessLog, Message: r}
	}
	end := func(p *pod, port uint16) accesslog.EndpointInfo {
		return accesslog.EndpointInfo{ID: uint64(p.id), IPv4: p.ip, Port: port, Identity: uint64(p.identity), Labels: p.labels}
	}
	there := func(t accesslog.FlowType, transport accesslog.TransportProtocol, port uint16) accesslog.LogRecord {
		r := accesslog.LogRecord{Type: t, ObservationPoint: accesslog.Ingress, Verdict: accesslog.VerdictForwarded, TransportProtocol: transport,
			SourceEndpoint: end(frontend, 40000), DestinationEndpoint: end(cart, port)}
		if t == accesslog.TypeResponse {
			r.SourceEndpoint, r.DestinationEndpoint = r.DestinationEndpoint, r.SourceEndpoint
		}
		return r
	}

	add("syn", perf(trace(frontend, cart, 0, tcp(frontend, cart, 40000, 8080, "S"))))
	add("syn-ack", perf(trace(cart, frontend, 2, tcp(cart, frontend, 8080, 40000, "SA"))))
	add("fin", perf(trace(frontend, cart, 1, tcp(frontend, cart, 40000, 8080, "FA"))))
	add("fin-reply", perf(trace(cart, frontend, 2, tcp(cart, frontend, 8080, 40000, "FA"))))
	add("udp", perf(trace(frontend, cart, 0, udp(frontend, cart, 50000, 53))))
	add("drop", perf(drop(133, frontend, cart, tcp(frontend, cart, 40001, 9090, "S"))))
	add("verdict-denied", perf(verdict(cart, frontend, -133, 9090, tcp(frontend, cart, 40001, 9090, "S"))))
	add("verdict-allowed", perf(verdict(cart, frontend, 0, 8080, tcp(frontend, cart, 40002, 8080, "S"))))

	u := &url.URL{Scheme: "http", Host: "cart:8080", Path: "/items"}
	id := http.Header{"X-Request-Id": {"1"}}
	request := there(accesslog.TypeRequest, 6, 8080)
	request.HTTP = &accesslog.LogRecordHTTP{Method: "GET", URL: u, Protocol: "HTTP/1.1", Headers: id}
	add("http-request", record(request))
	at = at.Add(7_000_000)
	response := there(accesslog.TypeResponse, 6, 8080)
	response.HTTP = &accesslog.LogRecordHTTP{Code: 503, Method: "GET", URL: u, Protocol: "HTTP/1.1", Headers: id}
	add("http-response", record(response))

	question := there(accesslog.TypeRequest, 17, 53)
	question.DNS = &accesslog.LogRecordDNS{Query: "api.example.com.", ObservationSource: accesslog.DNSSourceProxy, QTypes: []uint16{1}}
	add("dns-request", record(question))
	answer := there(accesslog.TypeResponse, 17, 53)
	answer.DNS = &accesslog.LogRecordDNS{Query: "api.example.com.", ObservationSource: accesslog.DNSSourceProxy, QTypes: []uint16{1}, RCode: 3}
	add("dns-response", record(answer))

	produce := there(accesslog.TypeRequest, 6, 9092)
	produce.Kafka = &accesslog.LogRecordKafka{APIVersion: 7, APIKey: "produce", CorrelationID: 5, Topic: accesslog.KafkaTopic{Topic: "orders"}}
	add("kafka-request", record(produce))
	fetch := there(accesslog.TypeRequest, 6, 9092)
	fetch.Verdict = accesslog.VerdictDenied
	fetch.Kafka = &accesslog.LogRecordKafka{ErrorCode: 29, APIVersion: 7, APIKey: "fetch", CorrelationID: 6, Topic: accesslog.KafkaTopic{Topic: "secrets"}}
	add("kafka-denied", record(fetch))

	add("lost", &observer.LostEvent{Source: observer.LostEventSourcePerfRingBuffer, NumLostEvents: 7, CPU: 1})

	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(lines); err != nil {
		log.Fatal(err)
	}
}

func packet(from, to *pod, transport gopacket.SerializableLayer, ip *layers.IPv4) []byte {
	ethernet := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	ip.Version, ip.TTL, ip.SrcIP, ip.DstIP = 4, 64, net.ParseIP(from.ip), net.ParseIP(to.ip)
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ethernet, ip, transport); err != nil {
		log.Fatal(err)
	}
	return buffer.Bytes()
}

func tcp(from, to *pod, sport, dport uint16, flags string) []byte {
	ip := &layers.IPv4{Protocol: layers.IPProtocolTCP}
	t := &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), Window: 65535}
	for _, flag := range flags {
		switch flag {
		case 'S':
			t.SYN = true
		case 'A':
			t.ACK = true
		case 'F':
			t.FIN = true
		}
	}
	t.SetNetworkLayerForChecksum(ip)
	return packet(from, to, t, ip)
}

func udp(from, to *pod, sport, dport uint16) []byte {
	ip := &layers.IPv4{Protocol: layers.IPProtocolUDP}
	u := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	u.SetNetworkLayerForChecksum(ip)
	return packet(from, to, u, ip)
}

// trace: TraceNotifyV1, to-endpoint. reason: 0 new, 1 established, 2 reply.
func trace(from, to *pod, reason uint8, data []byte) []byte {
	b := make([]byte, 48, 48+len(data))
	b[0], b[1] = monitor.MessageTypeTrace, monitor.TraceToLxc
	ne.PutUint16(b[2:], uint16(to.id))
	ne.PutUint32(b[8:], uint32(len(data)))
	ne.PutUint16(b[12:], uint16(len(data)))
	b[14] = 1
	ne.PutUint32(b[16:], from.identity)
	ne.PutUint32(b[20:], to.identity)
	ne.PutUint16(b[24:], uint16(to.id))
	b[26] = reason
	return append(b, data...)
}

func drop(reason uint8, from, to *pod, data []byte) []byte {
	b := make([]byte, 32, 32+len(data))
	b[0], b[1] = monitor.MessageTypeDrop, reason
	ne.PutUint16(b[2:], uint16(to.id))
	ne.PutUint32(b[8:], uint32(len(data)))
	ne.PutUint32(b[12:], uint32(len(data)))
	ne.PutUint32(b[16:], from.identity)
	ne.PutUint32(b[20:], to.identity)
	ne.PutUint32(b[24:], to.id)
	return append(b, data...)
}

// verdict: of ingress, matched at L3 and L4.
func verdict(local, remote *pod, v int32, port uint16, data []byte) []byte {
	b := make([]byte, 32, 32+len(data))
	b[0] = monitor.MessageTypePolicyVerdict
	ne.PutUint16(b[2:], uint16(local.id))
	ne.PutUint32(b[8:], uint32(len(data)))
	ne.PutUint16(b[12:], uint16(len(data)))
	ne.PutUint32(b[16:], remote.identity)
	ne.PutUint32(b[20:], uint32(v))
	ne.PutUint16(b[24:], port)
	b[26], b[27] = 6, 1|2<<3
	return append(b, data...)
}
