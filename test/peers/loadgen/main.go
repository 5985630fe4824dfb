// otlp-loadgen: a bounded OTLP load generator (gRPC or HTTP/protobuf) and a scrape timer.
// Requests are encoded once per series window and only the fixed64 fields (timestamps, id)
// are patched per send, so that the generator costs little CPU beside the system under test.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// ---------- raw gRPC codec ----------
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) {
	return *(v.(*[]byte)), nil
}
func (rawCodec) Unmarshal(d []byte, v any) error {
	*(v.(*[]byte)) = append([]byte(nil), d...)
	return nil
}

// ---------- template encoding ----------
type tmpl struct {
	buf   []byte
	times []int // offsets of fixed64 time fields
	ids   []int // offsets of 8 byte id fields
	idBE  bool  // id is bytes big endian (span id) rather than little endian fixed64
}

// node is a length-delimited message under construction with relative offsets.
type node struct {
	b     []byte
	times []int
	ids   []int
}

func (n *node) tag(f protowire.Number, t protowire.Type) { n.b = protowire.AppendTag(n.b, f, t) }
func (n *node) str(f protowire.Number, s string) {
	n.tag(f, protowire.BytesType)
	n.b = protowire.AppendString(n.b, s)
}
func (n *node) varint(f protowire.Number, v uint64) {
	n.tag(f, protowire.VarintType)
	n.b = protowire.AppendVarint(n.b, v)
}
func (n *node) f64(f protowire.Number, v uint64) {
	n.tag(f, protowire.Fixed64Type)
	n.b = protowire.AppendFixed64(n.b, v)
}
func (n *node) time(f protowire.Number) { n.f64(f, 0); n.times = append(n.times, len(n.b)-8) }
func (n *node) id64(f protowire.Number) { n.f64(f, 0); n.ids = append(n.ids, len(n.b)-8) }
func (n *node) idBytes(f protowire.Number) {
	n.tag(f, protowire.BytesType)
	n.b = protowire.AppendBytes(n.b, make([]byte, 8))
	n.ids = append(n.ids, len(n.b)-8)
}
func (n *node) msg(f protowire.Number, c *node) {
	n.tag(f, protowire.BytesType)
	n.b = protowire.AppendVarint(n.b, uint64(len(c.b)))
	base := len(n.b)
	n.b = append(n.b, c.b...)
	for _, o := range c.times {
		n.times = append(n.times, base+o)
	}
	for _, o := range c.ids {
		n.ids = append(n.ids, base+o)
	}
}
func kv(k, v string) *node {
	val := &node{}
	val.str(1, v)
	n := &node{}
	n.str(1, k)
	n.msg(2, val)
	return n
}

func attrs(series, nattr int) []*node {
	out := make([]*node, 0, nattr)
	out = append(out, kv("series", strconv.Itoa(series)))
	names := []string{"k8s.pod.name", "k8s.namespace.name", "http.request.method", "http.response.status_code", "net.peer.name", "a6", "a7", "a8", "a9", "a10"}
	vals := []string{"pod-" + strconv.Itoa(series%500), "ns-" + strconv.Itoa(series%20), []string{"GET", "POST", "PUT", "DELETE"}[series%4], []string{"200", "404", "500"}[series%3], "10.0." + strconv.Itoa(series%256) + ".1", "x", "x", "x", "x", "x"}
	for i := 0; i < nattr-1 && i < len(names); i++ {
		out = append(out, kv(names[i], vals[i]))
	}
	return out
}

var baseTime = time.Now()

func point(kind string, series, nattr int) *node {
	p := &node{}
	as := attrs(series, nattr)
	switch kind {
	case "gauge", "sum":
		p.f64(2, uint64(baseTime.Add(-time.Hour).UnixNano()))
		p.time(3)
		p.id64(6)
		for _, a := range as {
			p.msg(7, a)
		}
	case "histogram":
		p.f64(2, uint64(baseTime.Add(-time.Hour).UnixNano()))
		p.time(3)
		p.f64(4, 55)
		p.f64(5, math.Float64bits(12.5))
		var bc, eb []byte
		for i := 0; i < 11; i++ {
			bc = protowire.AppendFixed64(bc, 5)
		}
		for i := 0; i < 10; i++ {
			eb = protowire.AppendFixed64(eb, math.Float64bits(float64(i)*0.5+0.1))
		}
		p.tag(6, protowire.BytesType)
		p.b = protowire.AppendBytes(p.b, bc)
		p.tag(7, protowire.BytesType)
		p.b = protowire.AppendBytes(p.b, eb)
		for _, a := range as {
			p.msg(9, a)
		}
	case "log":
		p.time(1)
		p.varint(2, 9)
		p.str(3, "INFO")
		body := &node{}
		body.str(1, "request handled in 12ms by worker, status ok")
		p.msg(5, body)
		for _, a := range as {
			p.msg(6, a)
		}
		p.tag(9, protowire.BytesType)
		p.b = protowire.AppendBytes(p.b, bytes.Repeat([]byte{7}, 16))
		p.idBytes(10)
		p.time(11)
	case "span":
		p.tag(1, protowire.BytesType)
		tid := make([]byte, 16)
		binary.BigEndian.PutUint64(tid[8:], uint64(series)*0x9E3779B97F4A7C15+1)
		binary.BigEndian.PutUint64(tid[:8], uint64(series)*0xC2B2AE3D27D4EB4F+1)
		p.b = protowire.AppendBytes(p.b, tid)
		p.idBytes(2)
		p.str(5, "GET /things/{id}")
		p.varint(6, 2)
		p.time(7)
		p.time(8)
		for _, a := range as {
			p.msg(9, a)
		}
	}
	return p
}

func build(signal, kind string, first, points, series, nattr, nmetrics int, name string) *tmpl {
	root := &node{}
	rs := &node{}
	res := &node{}
	res.msg(1, kv("service.name", "loadgen"))
	res.msg(1, kv("host.name", "bench-host"))
	rs.msg(1, res)
	sc := &node{}
	scope := &node{}
	scope.str(1, "loadgen")
	scope.str(2, "1.0.0")
	sc.msg(1, scope)
	switch signal {
	case "metrics":
		for m := 0; m < nmetrics; m++ {
			mt := &node{}
			nm := name
			if nmetrics > 1 {
				nm += "." + strconv.Itoa(m)
			}
			mt.str(1, nm)
			mt.str(2, "load generator metric")
			mt.str(3, "By")
			data := &node{}
			for i := m; i < points; i += nmetrics {
				data.msg(1, point(kind, (first+i)%series, nattr))
			}
			switch kind {
			case "gauge":
				mt.msg(5, data)
			case "sum":
				data.varint(2, 2)
				data.varint(3, 1)
				mt.msg(7, data)
			case "histogram":
				data.varint(2, 2)
				mt.msg(9, data)
			}
			sc.msg(2, mt)
		}
	case "logs":
		for i := 0; i < points; i++ {
			sc.msg(2, point("log", (first+i)%series, nattr))
		}
	case "traces":
		for i := 0; i < points; i++ {
			sc.msg(2, point("span", (first+i)%series, nattr))
		}
	}
	rs.msg(2, sc)
	root.msg(1, rs)
	return &tmpl{buf: root.b, times: root.times, ids: root.ids, idBE: signal != "metrics"}
}

// ---------- process stats ----------
type procStat struct{ cpu, rss, hwm float64 }

func readProc(pid string) (procStat, bool) {
	var s procStat
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return s, false
	}
	t := string(b)
	f := strings.Fields(t[strings.LastIndexByte(t, ')')+2:])
	u, _ := strconv.ParseFloat(f[11], 64)
	k, _ := strconv.ParseFloat(f[12], 64)
	s.cpu = (u + k) / 100
	st, _ := os.ReadFile("/proc/" + pid + "/status")
	for _, l := range strings.Split(string(st), "\n") {
		ff := strings.Fields(l)
		if len(ff) > 1 && ff[0] == "VmRSS:" {
			v, _ := strconv.ParseFloat(ff[1], 64)
			s.rss = v / 1024
		}
		if len(ff) > 1 && ff[0] == "VmHWM:" {
			v, _ := strconv.ParseFloat(ff[1], 64)
			s.hwm = v / 1024
		}
	}
	return s, true
}

func pct(l []float64, p float64) float64 {
	if len(l) == 0 {
		return 0
	}
	i := int(math.Ceil(p*float64(len(l)))) - 1
	if i < 0 {
		i = 0
	}
	return math.Round(l[i]*1000) / 1000
}

func getJSON(u string) map[string]any {
	c := http.Client{Timeout: 5 * time.Second}
	r, err := c.Get(u)
	if err != nil {
		return nil
	}
	defer r.Body.Close()
	var m map[string]any
	json.NewDecoder(r.Body).Decode(&m)
	return m
}

func scrape(args []string) {
	fs := flag.NewFlagSet("scrape", flag.ExitOnError)
	url := fs.String("url", "http://127.0.0.1:8889/metrics", "scrape URL")
	n := fs.Int("n", 30, "number of scrapes")
	gz := fs.Bool("gzip", false, "accept gzip")
	accept := fs.String("accept", "text/plain;version=0.0.4", "Accept header")
	pid := fs.String("pid", "", "pid whose cpu and rss to report")
	fs.Parse(args)
	tr := &http.Transport{DisableCompression: true}
	c := http.Client{Transport: tr, Timeout: 120 * time.Second}
	var lat []float64
	var size, lines int64
	p0, _ := readProc(*pid)
	for i := 0; i < *n; i++ {
		rq, _ := http.NewRequest("GET", *url, nil)
		rq.Header.Set("Accept", *accept)
		if *gz {
			rq.Header.Set("Accept-Encoding", "gzip")
		}
		t := time.Now()
		r, err := c.Do(rq)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		lat = append(lat, float64(time.Since(t).Microseconds())/1000)
		size = int64(len(b))
		lines = 0
		for _, l := range bytes.Split(b, []byte("\n")) {
			if len(l) > 0 && l[0] != '#' {
				lines++
			}
		}
	}
	p1, ok := readProc(*pid)
	sort.Float64s(lat)
	o := map[string]any{"scrapes": *n, "p50_ms": pct(lat, .5), "p99_ms": pct(lat, .99), "max_ms": lat[len(lat)-1], "bytes": size, "sample_lines": lines}
	if ok {
		o["cpu_s_per_scrape"] = math.Round((p1.cpu-p0.cpu)/float64(*n)*10000) / 10000
		o["rss_mib"] = p1.rss
		o["hwm_mib"] = p1.hwm
	}
	json.NewEncoder(os.Stdout).Encode(o)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "scrape" {
		scrape(os.Args[2:])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "certs" {
		certs(os.Args[2:])
		return
	}
	endpoint := flag.String("endpoint", "127.0.0.1:4317", "host:port for gRPC, base URL for http")
	proto := flag.String("proto", "grpc", "grpc | http")
	signal := flag.String("signal", "metrics", "metrics | logs | traces")
	kind := flag.String("type", "gauge", "gauge | sum | histogram (metrics only)")
	name := flag.String("name", "bench.metric", "metric name")
	requests := flag.Int("requests", 1000, "number of requests")
	points := flag.Int("points", 1000, "points (or records, spans) per request")
	series := flag.Int("series", 1000, "distinct attribute sets")
	nattr := flag.Int("attrs", 5, "attributes per point (1-11)")
	nmetrics := flag.Int("metrics", 1, "metrics per request")
	conc := flag.Int("concurrency", 4, "requests in flight")
	dur := flag.Duration("duration", 60*time.Second, "stop after this long")
	rate := flag.Float64("rate", 0, "points per second, 0 = no limit")
	startID := flag.Uint64("start-id", 0, "first id")
	comp := flag.String("compression", "none", "none | gzip | zstd")
	timeout := flag.Duration("timeout", 10*time.Second, "per request")
	fixedTime := flag.Uint64("time", 0, "time of every point, ns since 1970; 0 = now (with -time, two runs send the same bytes)")
	ca := flag.String("tls-ca", "", "CA file: use TLS (for HTTP the endpoint says https too)")
	cert := flag.String("tls-cert", "", "client certificate file")
	key := flag.String("tls-key", "", "its key file")
	header := flag.String("header", "", "name=value, sent with every request")
	retry := flag.Bool("retry", false, "resend a failed request until the duration ends")
	sink := flag.String("sink-stats", "", "URL of the sink's /stats; its points are read before and after")
	settle := flag.Duration("settle", 15*time.Second, "longest wait for the sink to stop growing")
	pids := flag.String("pid", "", "comma separated name=pid or pid; cpu seconds and rss are reported")
	flag.Parse()
	if *series < 1 {
		*series = 1
	}
	tlsConfig := clientTLS(*ca, *cert, *key)
	headerName, headerValue, _ := strings.Cut(*header, "=")
	k := *kind
	if *fixedTime != 0 {
		baseTime = time.Unix(0, int64(*fixedTime))
	}
	var tmpls []*tmpl
	nt := 1
	if *series > *points {
		nt = (*series + *points - 1) / *points
	}
	for i := 0; i < nt; i++ {
		tmpls = append(tmpls, build(*signal, k, i**points, *points, *series, *nattr, *nmetrics, *name))
	}
	method := map[string]string{
		"metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
		"logs":    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		"traces":  "/opentelemetry.proto.collector.trace.v1.TraceService/Export"}[*signal]
	sinkKey := map[string]string{"metrics": "points", "logs": "logs", "traces": "spans"}[*signal]
	var sinkBefore float64
	if *sink != "" {
		if m := getJSON(*sink); m != nil {
			sinkBefore, _ = m[sinkKey].(float64)
		}
	}
	type pp struct {
		name, pid string
		a         procStat
	}
	var procs []pp
	for _, s := range strings.Split(*pids, ",") {
		if s == "" {
			continue
		}
		n, p := s, s
		if i := strings.IndexByte(s, '='); i > 0 {
			n, p = s[:i], s[i+1:]
		}
		st, _ := readProc(p)
		procs = append(procs, pp{n, p, st})
	}
	selfA, _ := readProc(strconv.Itoa(os.Getpid()))
	var next, okPts, okReq, failReq, rejected, sentBytes atomic.Int64
	var mu sync.Mutex
	codes := map[string]int{}
	var lats []float64
	t0 := time.Now()
	deadline := t0.Add(*dur)
	var wg sync.WaitGroup
	for w := 0; w < *conc; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			var cc *grpc.ClientConn
			var hc *http.Client
			if *proto == "grpc" {
				creds := insecure.NewCredentials()
				if tlsConfig != nil {
					creds = credentials.NewTLS(tlsConfig)
				}
				opts := []grpc.DialOption{grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})), grpc.WithWriteBufferSize(256 << 10)}
				if *comp != "none" {
					opts = append(opts, grpc.WithDefaultCallOptions(grpc.UseCompressor(*comp)))
				}
				var err error
				cc, err = grpc.NewClient("passthrough:///"+*endpoint, opts...)
				if err != nil {
					panic(err)
				}
				defer cc.Close()
			} else {
				hc = &http.Client{Timeout: *timeout, Transport: &http.Transport{TLSClientConfig: tlsConfig}}
			}
			var ll []float64
			lc := map[string]int{}
			var buf []byte
			for {
				r := next.Add(1) - 1
				if r >= int64(*requests) || time.Now().After(deadline) {
					break
				}
				if *rate > 0 {
					due := t0.Add(time.Duration(float64(r*int64(*points)) / *rate * 1e9))
					if d := time.Until(due); d > 0 {
						time.Sleep(d)
					}
				}
				t := tmpls[r%int64(len(tmpls))]
				buf = append(buf[:0], t.buf...)
				now := uint64(time.Now().UnixNano())
				if *fixedTime != 0 {
					now = *fixedTime
				}
				for _, o := range t.times {
					binary.LittleEndian.PutUint64(buf[o:], now)
				}
				id := *startID + uint64(r)*uint64(*points)
				for i, o := range t.ids {
					if t.idBE {
						binary.BigEndian.PutUint64(buf[o:], id+uint64(i)+1)
					} else {
						binary.LittleEndian.PutUint64(buf[o:], id+uint64(i)+1)
					}
				}
				for {
					var code string
					var rej int64
					ts := time.Now()
					if *proto == "grpc" {
						ctx, cancel := context.WithTimeout(context.Background(), *timeout)
						if headerName != "" {
							ctx = metadata.AppendToOutgoingContext(ctx, headerName, headerValue)
						}
						var out []byte
						err := cc.Invoke(ctx, method, &buf, &out)
						cancel()
						code = status.Code(err).String()
						rej = parsePartial(out)
					} else {
						body := buf
						rq, _ := http.NewRequest("POST", strings.TrimRight(*endpoint, "/")+"/v1/"+*signal, nil)
						if headerName != "" {
							rq.Header.Set(headerName, headerValue)
						}
						switch *comp {
						case "zstd":
							body = zstdEncoder.EncodeAll(buf, nil)
							rq.Header.Set("Content-Encoding", "zstd")
						case "gzip":
							var z bytes.Buffer
							zw := gzip.NewWriter(&z)
							zw.Write(buf)
							zw.Close()
							body = z.Bytes()
							rq.Header.Set("Content-Encoding", "gzip")
						}
						rq.Body = io.NopCloser(bytes.NewReader(body))
						rq.ContentLength = int64(len(body))
						rq.Header.Set("Content-Type", "application/x-protobuf")
						rs, err := hc.Do(rq)
						if err != nil {
							code = "transport"
						} else {
							b, _ := io.ReadAll(rs.Body)
							rs.Body.Close()
							code = strconv.Itoa(rs.StatusCode)
							if rs.StatusCode == 200 {
								code = "OK"
								rej = parsePartial(b)
							}
						}
					}
					ll = append(ll, float64(time.Since(ts).Microseconds())/1000)
					lc[code]++
					sentBytes.Add(int64(len(buf)))
					if code == "OK" {
						okReq.Add(1)
						okPts.Add(int64(*points) - rej)
						rejected.Add(rej)
						break
					}
					failReq.Add(1)
					if !*retry || time.Now().After(deadline) {
						break
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
			mu.Lock()
			lats = append(lats, ll...)
			for c, n := range lc {
				codes[c] += n
			}
			mu.Unlock()
		}()
	}
	wg.Wait()
	el := time.Since(t0).Seconds()
	sort.Float64s(lats)
	out := map[string]any{"endpoint": *endpoint, "proto": *proto, "signal": *signal, "requests_ok": okReq.Load(), "requests_failed": failReq.Load(), "codes": codes,
		"points_ok": okPts.Load(), "points_rejected": rejected.Load(), "seconds": math.Round(el*1000) / 1000, "points_per_s": math.Round(float64(okPts.Load()) / el),
		"uncompressed_bytes": sentBytes.Load(), "p50_ms": pct(lats, .5), "p99_ms": pct(lats, .99)}
	if *sink != "" {
		last, same := -1.0, 0
		ts := time.Now()
		var quiet time.Time
		var m map[string]any
		for time.Since(ts) < *settle {
			m = getJSON(*sink)
			v, _ := m[sinkKey].(float64)
			if v != last {
				quiet = time.Now()
				same = 0
			} else {
				same++
			}
			last = v
			if v-sinkBefore >= float64(okPts.Load()) && same >= 2 || same > 30 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		tot := quiet.Sub(t0).Seconds()
		out["sink_points"] = last - sinkBefore
		out["sink_lost"] = float64(okPts.Load()) - (last - sinkBefore)
		out["sink_seconds"] = math.Round(tot*1000) / 1000
		out["sink_points_per_s"] = math.Round((last - sinkBefore) / math.Max(tot, el))
		out["sink_stats"] = m
	}
	ps := map[string]any{}
	for _, p := range procs {
		b, ok := readProc(p.pid)
		if !ok {
			ps[p.name] = "gone"
			continue
		}
		ps[p.name] = map[string]any{"cpu_s": math.Round((b.cpu-p.a.cpu)*100) / 100, "cpu_s_per_mpts": math.Round((b.cpu-p.a.cpu)/float64(okPts.Load())*1e6*1000) / 1000, "rss_mib": math.Round(b.rss*10) / 10, "hwm_mib": math.Round(b.hwm*10) / 10}
	}
	selfB, _ := readProc(strconv.Itoa(os.Getpid()))
	ps["loadgen"] = map[string]any{"cpu_s": math.Round((selfB.cpu-selfA.cpu)*100) / 100}
	out["procs"] = ps
	json.NewEncoder(os.Stdout).Encode(out)
}

// parsePartial reads field 1 (partial_success) -> field 1 (rejected count).
func parsePartial(b []byte) int64 {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return 0
		}
		b = b[l:]
		if n == 1 && t == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			for len(v) > 0 {
				n2, t2, l2 := protowire.ConsumeTag(v)
				if l2 < 0 {
					return 0
				}
				v = v[l2:]
				if n2 == 1 && t2 == protowire.VarintType {
					x, _ := protowire.ConsumeVarint(v)
					return int64(x)
				}
				s := protowire.ConsumeFieldValue(n2, t2, v)
				if s < 0 {
					return 0
				}
				v = v[s:]
			}
			return 0
		}
		s := protowire.ConsumeFieldValue(n, t, b)
		if s < 0 {
			return 0
		}
		b = b[s:]
	}
	return 0
}

var zstdEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))

// clientTLS trusts this CA, and nothing else; nil without one.
func clientTLS(ca, cert, key string) *tls.Config {
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}
