package device

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/device"
)

// identityFile keeps the uuid.
const identityFile = "device.json"

type savedIdentity struct {
	UUID string `json:"uuid"`
}

// number returns the number that stands for a name on every node: the low 31 bits of FNV-1a-32, never 0.
func number(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name)) // never fails
	if n := int(h.Sum32() & math.MaxInt32); n != 0 {
		return n
	}
	return 1
}

// loadUUID returns the configured uuid, or the one that was made once.
func loadUUID(configured, identifier string, folder Folder) (string, error) {
	if configured != "" {
		if !isHex(configured, 32) {
			return "", fmt.Errorf("uuid %q: not 32 lower-case hex digits", configured)
		}
		return configured, nil
	}
	var saved savedIdentity
	err := folder.Load(identityFile, &saved)
	if err == nil && isHex(saved.UUID, 32) {
		return saved.UUID, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("identity of the device: %w", err)
	}
	if saved.UUID, err = newUUID(identifier); err != nil {
		return "", err
	}
	if err := folder.Save(identityFile, saved); err != nil {
		return "", fmt.Errorf("identity of the device: %w", err)
	}
	return saved.UUID, nil
}

// newUUID makes a uuid of the machine and the identifier of the node; by chance on a machine without an id.
func newUUID(identifier string) (string, error) {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(machine))) == 0 {
		machine = make([]byte, 32)
		if _, err := rand.Read(machine); err != nil {
			return "", fmt.Errorf("identity of the device: %w", err)
		}
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(machine)) + "\x00" + identifier))
	return hex.EncodeToString(sum[:16]), nil
}

func isHex(s string, length int) bool {
	return len(s) == length && strings.Trim(s, "0123456789abcdef") == ""
}

// numbers are the configured numbers of groups.
type numbers map[string]int

func (n numbers) of(group string) int {
	if id, ok := n[group]; ok {
		return id
	}
	return number(group)
}

// check refuses two groups with one number.
func (n numbers) check(groups []string) error {
	seen := map[int]string{}
	for _, group := range groups {
		id := n.of(group)
		if id < 1 || id > math.MaxInt32 {
			return fmt.Errorf("number %d of application %s: not between 1 and %d", id, group, math.MaxInt32)
		}
		if other, ok := seen[id]; ok {
			return fmt.Errorf("applications %s and %s have the same number %d: give one of them another in app_ids of [device]", other, group, id)
		}
		seen[id] = group
	}
	return nil
}

// resolve returns the group that a client means: by its name, by a configured number, or by a computed one, in this order.
func (n numbers) resolve(app string, groups []string) (string, error) {
	if slices.Contains(groups, app) {
		return app, nil
	}
	id, err := strconv.Atoi(app)
	if err != nil || id < 1 || strconv.Itoa(id) != app {
		return "", &device.UnknownApp{App: app}
	}
	for _, group := range groups {
		if n[group] == id {
			return group, nil
		}
	}
	for _, group := range groups {
		if _, configured := n[group]; !configured && number(group) == id {
			return group, nil
		}
	}
	return "", &device.UnknownApp{App: app}
}

// ContainerID returns what stands for the container of a process.
func (d *Device) ContainerID(info process.Info) string { return containerID(d.uuid, info) }

// containerID returns what stands for the container of a process: another one after each start.
func containerID(uuid string, info process.Info) string {
	text := info.Group + ":" + info.Name
	if !info.Start.IsZero() {
		text = uuid + "\x00" + text + "\x00" + strconv.FormatInt(info.Start.UnixNano(), 10)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
