// otlp-sink: an OTLP gRPC + HTTP server that counts what it gets, keeps distinct ids and can misbehave on demand.
// Ids: metrics = as_int of a number data point; logs and spans = the 8 byte span id, big endian.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	grpcstats "google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"
)

type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *(v.(*[]byte)), nil }
func (rawCodec) Unmarshal(d []byte, v any) error {
	*(v.(*[]byte)) = append([]byte(nil), d...)
	return nil
}

const maxID = 1 << 31

type idset struct {
	w               []uint64
	distinct, total uint64
	outOfRange      uint64
	min, max        uint64
}

func (s *idset) add(id uint64) {
	s.total++
	if id >= maxID {
		s.outOfRange++
		return
	}
	i := id >> 6
	if uint64(len(s.w)) <= i {
		n := make([]uint64, i+i/2+1024)
		copy(n, s.w)
		s.w = n
	}
	m := uint64(1) << (id & 63)
	if s.w[i]&m == 0 {
		s.w[i] |= m
		s.distinct++
	}
	if s.total == 1 || id < s.min {
		s.min = id
	}
	if id > s.max {
		s.max = id
	}
}
func (s *idset) missing(from, to uint64) (n uint64, ranges []string) {
	var start, prev uint64
	open := false
	flush := func() {
		if open && len(ranges) < 20 {
			ranges = append(ranges, fmt.Sprintf("%d-%d", start, prev))
		}
		open = false
	}
	for id := from; id <= to; id++ {
		has := id>>6 < uint64(len(s.w)) && s.w[id>>6]&(1<<(id&63)) != 0
		if has {
			flush()
			continue
		}
		n++
		if !open {
			open, start = true, id
		}
		prev = id
	}
	flush()
	return
}

type counts struct {
	Requests, RequestsFailed, RequestsGRPC, RequestsHTTP, Bytes int64
	Points, Logs, Spans, Samples, Rejected, PointsInFailed      int64
	ByType                                                      map[string]int64
	Encodings                                                   map[string]int64
	Methods                                                     map[string]int64
	LastMeta                                                    map[string]string
	First, Last                                                 time.Time
	ReqSizes                                                    map[int64]int64
}

var (
	mu    sync.Mutex
	c     counts
	ids   = map[string]*idset{"metrics": {}, "logs": {}, "traces": {}}
	fault struct {
		failFirst, failEvery, partial, retryInfoMs, delayMs, cut atomic.Int64
		code                                                     atomic.Int64
		n                                                        atomic.Int64
	}
	keepIDs = true
	dump    *os.File
)

func reset() {
	c = counts{ByType: map[string]int64{}, Encodings: map[string]int64{}, Methods: map[string]int64{}, LastMeta: map[string]string{}, ReqSizes: map[int64]int64{}}
	ids = map[string]*idset{"metrics": {}, "logs": {}, "traces": {}}
	fault.n.Store(0)
}

// each calls f for every length-delimited field `want` of b.
func each(b []byte, want protowire.Number, f func([]byte)) {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return
		}
		b = b[l:]
		if n == want && t == protowire.BytesType {
			v, s := protowire.ConsumeBytes(b)
			if s < 0 {
				return
			}
			f(v)
			b = b[s:]
			continue
		}
		s := protowire.ConsumeFieldValue(n, t, b)
		if s < 0 {
			return
		}
		b = b[s:]
	}
}

type parsed struct {
	n      int64
	ids    []uint64
	byType map[string]int64
}

func parse(sig string, b []byte) parsed {
	p := parsed{byType: map[string]int64{}}
	each(b, 1, func(rs []byte) {
		each(rs, 2, func(sc []byte) {
			each(sc, 2, func(m []byte) {
				switch sig {
				case "metrics":
					for f, ty := range map[protowire.Number]string{5: "gauge", 7: "sum", 9: "histogram", 10: "exponential_histogram", 11: "summary"} {
						each(m, f, func(d []byte) {
							each(d, 1, func(dp []byte) {
								p.n++
								p.byType[ty]++
								if keepIDs && (f == 5 || f == 7) {
									if v, ok := fixed64(dp, 6); ok {
										p.ids = append(p.ids, v)
									}
								}
							})
						})
					}
				case "logs":
					p.n++
					if keepIDs {
						each(m, 10, func(v []byte) {
							if len(v) == 8 {
								p.ids = append(p.ids, binary.BigEndian.Uint64(v))
							}
						})
					}
				case "profiles":
					each(m, 2, func([]byte) { p.n++ })
				case "traces":
					p.n++
					if keepIDs {
						each(m, 2, func(v []byte) {
							if len(v) == 8 {
								p.ids = append(p.ids, binary.BigEndian.Uint64(v))
							}
						})
					}
				}
			})
		})
	})
	return p
}

func fixed64(b []byte, want protowire.Number) (uint64, bool) {
	for len(b) > 0 {
		n, t, l := protowire.ConsumeTag(b)
		if l < 0 {
			return 0, false
		}
		b = b[l:]
		if n == want && t == protowire.Fixed64Type {
			v, _ := protowire.ConsumeFixed64(b)
			return v, true
		}
		s := protowire.ConsumeFieldValue(n, t, b)
		if s < 0 {
			return 0, false
		}
		b = b[s:]
	}
	return 0, false
}

func parseJSON(sig string, b []byte) parsed {
	p := parsed{byType: map[string]int64{}}
	var v any
	json.Unmarshal(b, &v)
	var walk func(v any, key string)
	walk = func(v any, key string) {
		switch t := v.(type) {
		case []any:
			for _, e := range t {
				if m, ok := e.(map[string]any); ok && (key == "dataPoints" || key == "logRecords" || key == "spans" || key == "samples") {
					p.n++
					p.byType["json"]++
					if keepIDs {
						if s, ok := m["asInt"].(string); ok {
							if x, err := strconv.ParseUint(s, 10, 64); err == nil {
								p.ids = append(p.ids, x)
							}
						}
						if s, ok := m["spanId"].(string); ok && len(s) == 16 {
							if x, err := hex.DecodeString(s); err == nil {
								p.ids = append(p.ids, binary.BigEndian.Uint64(x))
							}
						}
					}
					continue
				}
				walk(e, "")
			}
		case map[string]any:
			for k, e := range t {
				walk(e, k)
			}
		}
	}
	walk(v, "")
	return p
}

// handle decides the fate of one request. code 0 = OK.
func handle(sig string, p parsed, size int, via string) (code codes.Code, rejected int64) {
	if d := fault.delayMs.Load(); d > 0 {
		time.Sleep(time.Duration(d) * time.Millisecond)
	}
	n := fault.n.Add(1)
	bad := n <= fault.failFirst.Load()
	if e := fault.failEvery.Load(); e > 0 && n%e == 0 {
		bad = true
	}
	mu.Lock()
	defer mu.Unlock()
	c.Requests++
	c.Methods[via+"/"+sig]++
	c.Bytes += int64(size)
	if c.First.IsZero() {
		c.First = time.Now()
	}
	c.Last = time.Now()
	if via == "grpc" {
		c.RequestsGRPC++
	} else {
		c.RequestsHTTP++
	}
	if bad {
		c.RequestsFailed++
		c.PointsInFailed += p.n
		return codes.Code(fault.code.Load()), 0
	}
	rejected = fault.partial.Load()
	if rejected > p.n {
		rejected = p.n
	}
	if len(c.ReqSizes) < 64 {
		c.ReqSizes[p.n]++
	}
	acc := p.n - rejected
	c.Rejected += rejected
	switch sig {
	case "metrics":
		c.Points += acc
	case "logs":
		c.Logs += acc
	case "profiles":
		c.Samples += acc
	default:
		c.Spans += acc
	}
	for k, v := range p.byType {
		c.ByType[k] += v
	}
	for i, id := range p.ids {
		if int64(i) >= acc {
			break
		}
		ids[sig].add(id)
	}
	return codes.OK, rejected
}

func partialBody(rej int64) []byte {
	if rej == 0 {
		return nil
	}
	var in []byte
	in = protowire.AppendTag(in, 1, protowire.VarintType)
	in = protowire.AppendVarint(in, uint64(rej))
	in = protowire.AppendTag(in, 2, protowire.BytesType)
	in = protowire.AppendString(in, "rejected by the sink")
	var out []byte
	out = protowire.AppendTag(out, 1, protowire.BytesType)
	return protowire.AppendBytes(out, in)
}

// stats is a JSON object, encoded while nobody counts.
func stats(q map[string][]string) []byte {
	mu.Lock()
	defer mu.Unlock()
	m := map[string]any{"requests": c.Requests, "requests_failed": c.RequestsFailed, "requests_grpc": c.RequestsGRPC, "requests_http": c.RequestsHTTP, "uncompressed_bytes": c.Bytes,
		"points": c.Points, "logs": c.Logs, "spans": c.Spans, "samples": c.Samples, "rejected": c.Rejected, "items_in_failed_requests": c.PointsInFailed, "by_type": c.ByType, "encodings": c.Encodings, "methods": c.Methods, "last_metadata": c.LastMeta}
	rs := map[string]int64{}
	for k, v := range c.ReqSizes {
		rs[strconv.FormatInt(k, 10)] = v
	}
	m["request_item_counts"] = rs
	if !c.First.IsZero() {
		m["first"], m["last"] = c.First.UTC().Format(time.RFC3339Nano), c.Last.UTC().Format(time.RFC3339Nano)
		m["span_s"] = c.Last.Sub(c.First).Seconds()
	}
	im := map[string]any{}
	for k, s := range ids {
		if s.total == 0 {
			continue
		}
		var pop uint64
		for _, w := range s.w {
			pop += uint64(bits.OnesCount64(w))
		}
		e := map[string]any{"total": s.total, "distinct": s.distinct, "duplicates": s.total - s.distinct - s.outOfRange, "min": s.min, "max": s.max, "popcount": pop}
		if s.outOfRange > 0 {
			e["out_of_range"] = s.outOfRange
		}
		if ex := q["expect"]; len(ex) > 0 { // ?expect=1-200000
			ab := strings.SplitN(ex[0], "-", 2)
			if len(ab) == 2 {
				a, _ := strconv.ParseUint(ab[0], 10, 64)
				b, _ := strconv.ParseUint(ab[1], 10, 64)
				n, r := s.missing(a, b)
				e["missing"], e["missing_ranges"] = n, r
			}
		}
		im[k] = e
	}
	m["ids"] = im
	b, _ := json.Marshal(m)
	return append(b, '\n')
}

func main() {
	g := flag.String("grpc", "127.0.0.1:14317", "gRPC listen address, empty = off")
	h := flag.String("http", "127.0.0.1:14318", "OTLP/HTTP listen address, empty = off")
	s := flag.String("stats", "127.0.0.1:14319", "stats address: GET /stats[?expect=1-N], POST /reset, POST /fault?fail-first=&fail-every=&code=&retry-info-ms=&partial=&delay-ms=&cut=")
	failFirst := flag.Int64("fail-first", 0, "fail the first N requests")
	failEvery := flag.Int64("fail-every", 0, "fail every Nth request")
	code := flag.String("code", "UNAVAILABLE", "gRPC code of a failure: UNAVAILABLE, RESOURCE_EXHAUSTED, INVALID_ARGUMENT, ... (HTTP: 503, 429, 400)")
	ri := flag.Duration("retry-info", 0, "RetryInfo delay (HTTP: Retry-After, whole seconds)")
	partial := flag.Int64("partial", 0, "reject N items of every request by partial success")
	delay := flag.Duration("delay", 0, "wait before every answer")
	k := flag.Bool("ids", true, "keep distinct ids")
	cert := flag.String("tls-cert", "", "certificate file: serve TLS on both OTLP addresses")
	key := flag.String("tls-key", "", "its key file")
	clientCA := flag.String("tls-client-ca", "", "demand client certificates of this CA")
	dumpPath := flag.String("dump", "", "append each request as one JSON line {signal,via,encoding,hex}")
	flag.Parse()
	keepIDs = *k
	reset()
	fault.failFirst.Store(*failFirst)
	fault.failEvery.Store(*failEvery)
	fault.partial.Store(*partial)
	fault.delayMs.Store(delay.Milliseconds())
	fault.retryInfoMs.Store(ri.Milliseconds())
	setCode := func(x string) {
		var cc codes.Code
		if err := cc.UnmarshalJSON([]byte(`"` + x + `"`)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		fault.code.Store(int64(cc))
	}
	setCode(*code)
	if *dumpPath != "" {
		dump, _ = os.OpenFile(*dumpPath, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	}
	keep := func(sig, via, enc string, b []byte) {
		if dump != nil {
			mu.Lock()
			json.NewEncoder(dump).Encode(map[string]string{"signal": sig, "via": via, "encoding": enc, "hex": hex.EncodeToString(b)})
			mu.Unlock()
		}
	}
	var tlsConfig *tls.Config
	if *cert != "" {
		tlsConfig = serverTLS(*cert, *key, *clientCA)
	}
	if *g != "" {
		ln, err := net.Listen("tcp", *g)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		ln = &cutListener{Listener: ln}
		options := []grpc.ServerOption{grpc.StatsHandler(encodingReader{})}
		if tlsConfig != nil {
			options = append(options, grpc.Creds(credentials.NewTLS(tlsConfig)))
		}
		srv := grpc.NewServer(append(options, grpc.ForceServerCodec(rawCodec{}), grpc.MaxRecvMsgSize(256<<20), grpc.UnknownServiceHandler(func(_ any, st grpc.ServerStream) error {
			name, _ := grpc.MethodFromServerStream(st)
			sig := ""
			switch {
			case strings.HasSuffix(name, "MetricsService/Export"):
				sig = "metrics"
			case strings.HasSuffix(name, "LogsService/Export"):
				sig = "logs"
			case strings.HasSuffix(name, "TraceService/Export"):
				sig = "traces"
			case strings.HasSuffix(name, "ProfilesService/Export"):
				sig = "profiles"
			default:
				return status.Error(codes.Unimplemented, "unknown method "+name)
			}
			var in []byte
			if err := st.RecvMsg(&in); err != nil {
				return err
			}
			md, _ := metadata.FromIncomingContext(st.Context())
			enc := *st.Context().Value(encodingKey{}).(*string)
			mu.Lock()
			c.Encodings["grpc:"+enc]++
			for k, v := range md {
				c.LastMeta[k] = strings.Join(v, ",")
			}
			mu.Unlock()
			keep(sig, "grpc", enc, in)
			if fault.cut.Add(-1) >= 0 {
				ln.(*cutListener).cut()
				return status.Error(codes.Unavailable, "the connection was cut")
			}
			cd, rej := handle(sig, parse(sig, in), len(in), "grpc")
			if cd != codes.OK {
				s := status.New(cd, "fault injected by the sink")
				if r := fault.retryInfoMs.Load(); r > 0 {
					s, _ = s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Duration(r) * time.Millisecond)})
				}
				return s.Err()
			}
			out := partialBody(rej)
			return st.SendMsg(&out)
		}))...)
		go srv.Serve(ln)
	}
	if *h != "" {
		mux := http.NewServeMux()
		paths := map[string]string{"metrics": "/v1/metrics", "logs": "/v1/logs", "traces": "/v1/traces", "profiles": "/v1development/profiles"}
		for sig, path := range paths {
			mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				enc := r.Header.Get("Content-Encoding")
				if enc == "" {
					enc = "identity"
				}
				switch enc {
				case "gzip":
					if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
						b, _ = io.ReadAll(z)
					}
				case "zstd":
					if z, err := zstd.NewReader(bytes.NewReader(b)); err == nil {
						b, _ = io.ReadAll(z)
						z.Close()
					}
				}
				ct := r.Header.Get("Content-Type")
				mu.Lock()
				c.Encodings["http:"+enc+":"+ct]++
				for k, v := range r.Header {
					c.LastMeta[strings.ToLower(k)] = strings.Join(v, ",")
				}
				mu.Unlock()
				keep(sig, "http", enc, b)
				if fault.cut.Add(-1) >= 0 {
					if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
						conn.Close()
					}
					return
				}
				var p parsed
				js := strings.HasPrefix(ct, "application/json")
				if js {
					p = parseJSON(sig, b)
				} else {
					p = parse(sig, b)
				}
				cd, rej := handle(sig, p, len(b), "http")
				if cd != codes.OK {
					if x := fault.retryInfoMs.Load(); x > 0 {
						w.Header().Set("Retry-After", strconv.FormatInt((x+999)/1000, 10))
					}
					hs := map[codes.Code]int{codes.Unavailable: 503, codes.ResourceExhausted: 429, codes.InvalidArgument: 400, codes.Unauthenticated: 401, codes.PermissionDenied: 403, codes.Internal: 500, codes.DeadlineExceeded: 504, codes.Unimplemented: 404}[cd]
					if hs == 0 {
						hs = 500
					}
					w.Header().Set("Content-Type", "application/x-protobuf")
					w.WriteHeader(hs)
					return
				}
				if js {
					w.Header().Set("Content-Type", "application/json")
					if rej > 0 {
						key := map[string]string{"metrics": "rejectedDataPoints", "logs": "rejectedLogRecords", "traces": "rejectedSpans", "profiles": "rejectedProfiles"}[sig]
						fmt.Fprintf(w, `{"partialSuccess":{%q:"%d","errorMessage":"rejected by the sink"}}`, key, rej)
					} else {
						io.WriteString(w, `{}`)
					}
					return
				}
				w.Header().Set("Content-Type", "application/x-protobuf")
				w.Write(partialBody(rej))
			})
		}
		ln, err := net.Listen("tcp", *h)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if tlsConfig != nil {
			ln = tls.NewListener(ln, tlsConfig)
		}
		go http.Serve(ln, mux)
	}
	sm := http.NewServeMux()
	sm.HandleFunc("/stats", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(stats(r.URL.Query()))
	})
	sm.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) { mu.Lock(); reset(); mu.Unlock() })
	sm.HandleFunc("/fault", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		keys := make([]string, 0, len(q))
		for k := range q {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			n, _ := strconv.ParseInt(q.Get(k), 10, 64)
			switch k {
			case "fail-first":
				fault.n.Store(0)
				fault.failFirst.Store(n)
			case "fail-every":
				fault.failEvery.Store(n)
			case "cut":
				fault.cut.Store(n)
			case "partial":
				fault.partial.Store(n)
			case "retry-info-ms":
				fault.retryInfoMs.Store(n)
			case "delay-ms":
				fault.delayMs.Store(n)
			case "code":
				setCode(q.Get(k))
			}
		}
	})
	hs := &http.Server{Addr: *s, Handler: sm}
	go func() {
		if err := hs.ListenAndServe(); err != nil && err != http.ErrServerClosed {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
	os.Stdout.Write(stats(nil))
}

// serverTLS is TLS 1.2 or newer with this certificate; with a CA, only for clients that it signed.
func serverTLS(cert, key, clientCA string) *tls.Config {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(pem)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}

// cutListener can close every connection that it accepted, in the middle of what they do.
type cutListener struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (l *cutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.conns = append(l.conns, c)
		l.mu.Unlock()
	}
	return c, err
}

func (l *cutListener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// encodingReader puts the request's grpc-encoding into the context; the metadata of a call lacks it.
type encodingReader struct{}
type encodingKey struct{}

func (encodingReader) TagRPC(ctx context.Context, _ *grpcstats.RPCTagInfo) context.Context {
	encoding := "identity"
	return context.WithValue(ctx, encodingKey{}, &encoding)
}
func (encodingReader) HandleRPC(ctx context.Context, s grpcstats.RPCStats) {
	if h, ok := s.(*grpcstats.InHeader); ok && h.Compression != "" {
		*ctx.Value(encodingKey{}).(*string) = h.Compression
	}
}
func (encodingReader) TagConn(ctx context.Context, _ *grpcstats.ConnTagInfo) context.Context {
	return ctx
}
func (encodingReader) HandleConn(context.Context, grpcstats.ConnStats) {}
