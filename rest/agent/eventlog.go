package agent

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"github.com/supvisors/supvisors/rest/internal/door"
)

// selection returns the query without what is the key of the caller.
func (c *call) selection() (url.Values, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, &BadSelection{"the query cannot be read"} // which may hold a key
	}
	query.Del(door.KeyParam)
	return query, nil
}

func newEvents(c *call) error { return c.events(false) }

func allEvents(c *call) error { return c.events(true) }

// chunk is how much of a long answer is in memory, in bytes.
const chunk = 64 << 10

// events tells the selected events. What is short comes with its length; what is long is sent as it is read, and broken off if it cannot be
// read to its end.
func (c *call) events(all bool) error {
	selection, err := c.selection()
	if err != nil {
		return err
	}
	selected, err := c.agent.Events(c.r.Context(), selection, all)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteByte('[')
	begun, separator := false, ""
	for event, err := range selected {
		if err != nil && begun {
			c.cfg.Log.Warn("events cannot be read to their end", "error", err)
			panic(http.ErrAbortHandler) // the client must not take this for all
		}
		if err != nil {
			return err
		}
		b.WriteString(separator)
		b.Write(compact(event))
		separator = ","
		if b.Len() < chunk {
			continue
		}
		if !begun {
			begun = true
			c.w.Header().Set("Content-Type", jsonType)
			c.w.WriteHeader(http.StatusOK)
		}
		if err := write(c.w, b.Bytes()); err != nil {
			return nil // the client has gone: nobody is left to be told
		}
		b.Reset()
	}
	b.WriteByte(']')
	if begun {
		write(c.w, b.Bytes()) // likewise
		return nil
	}
	send(c.w, http.StatusOK, jsonType, b.Bytes())
	return nil
}

func deleteEvents(c *call) error {
	selection, err := c.selection()
	if err != nil {
		return err
	}
	n, err := c.agent.DeleteEvents(c.r.Context(), selection)
	return c.removed(n, err)
}

func pruneEvents(c *call) error {
	n, err := c.agent.PruneEvents(c.r.Context())
	return c.removed(n, err)
}

// removed answers with how many events are gone, as a text.
func (c *call) removed(n int, err error) error {
	switch {
	case err != nil:
		return err
	case n == 0:
		return c.nothing()
	}
	return c.json(http.StatusOK, strconv.Itoa(n))
}
