package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// PeerPath is where a node serves the dashboards of its peers.
const PeerPath = "/cluster/dashboard/"

// maxAnswer bounds the answer of a peer to one request, in bytes.
const maxAnswer = 64 << 20

// Peers answers the dashboards of other nodes, whose requests are signed: calls of the method table, logs and statistics of this node.
func (d *Dashboard) Peers() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+PeerPath+"call", d.takeCall)
	mux.HandleFunc("GET "+PeerPath+"follow", d.takeFollow)
	mux.HandleFunc("GET "+PeerPath+"log", d.serveLog)
	mux.HandleFunc("GET "+PeerPath+"file", d.takeFile)
	mux.HandleFunc("GET "+PeerPath+"stats", d.serveStats)
	mux.HandleFunc("GET "+PeerPath+"config", d.serveConfig)
	return d.cfg.Node.Signed("request of a dashboard", mux)
}

// call calls a row of the method table on a node. The value is as XML-RPC brings it, wherever the row was.
func (d *Dashboard) call(ctx context.Context, node, method string, args ...any) (any, error) {
	if node == "" || node == d.current().Self.Identifier {
		value, err := d.cfg.Table.Call(ctx, method, args)
		if err != nil {
			return nil, err
		}
		reply, err := rpc.EncodeReply(value)
		if err != nil {
			return nil, err
		}
		return rpc.DecodeReply(reply)
	}
	body, err := rpc.EncodeCall(method, args...)
	if err != nil {
		return nil, err
	}
	resp, err := d.cfg.Node.Request(ctx, http.MethodPost, node, PeerPath+"call", body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", d.nick(node), resp.Status)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	return rpc.DecodeReply(answer)
}

// takeCall calls a row for a peer. The head of the answer goes ahead: the call may take its time.
func (d *Dashboard) takeCall(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	method, params, err := rpc.DecodeCall(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{}) // an error means that there is none
	rc.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/xml")
	if rc.Flush() != nil {
		return
	}
	value, err := d.cfg.Table.Call(r.Context(), method, params)
	var reply []byte
	if err == nil {
		reply, err = rpc.EncodeReply(value)
	}
	if err != nil {
		reply = rpc.EncodeFault(rpc.AsFault(err))
	}
	w.Write(reply) // an error means that nobody waits any more
}

// remote returns the answer of a peer to a GET as it is.
func (d *Dashboard) remote(ctx context.Context, node, what string, query url.Values) (*http.Response, error) {
	resp, err := d.cfg.Node.Request(ctx, http.MethodGet, node, PeerPath+what+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		var answer struct{ Message string }
		if json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&answer) == nil && answer.Message != "" {
			return nil, fmt.Errorf("%s: %s", d.nick(node), answer.Message)
		}
		return nil, fmt.Errorf("%s answers %s", d.nick(node), resp.Status)
	}
	return resp, nil
}

// forward passes the answer of a peer on.
func (d *Dashboard) forward(w http.ResponseWriter, r *http.Request, node, what string, query url.Values) {
	resp, err := d.remote(r.Context(), node, what, query)
	if err != nil {
		refuse(w, http.StatusBadGateway, err.Error())
		return
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, io.LimitReader(resp.Body, maxAnswer)); err != nil {
		refuse(w, http.StatusBadGateway, err.Error())
		return
	}
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.Header().Set("Cache-Control", "no-store")
	w.Write(body.Bytes()) // an error means that the browser has gone
}
