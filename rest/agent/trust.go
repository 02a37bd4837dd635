package agent

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxTrusted is how many files are kept.
const maxTrusted = 256

type trustedBody struct {
	PEM []string `json:"pem"`
}

type certificatesBody struct {
	PEM []certificateBody `json:"pem"`
}

type certificateBody struct {
	ID             string            `json:"id"` // the name of the file
	Type           string            `json:"type"`
	Serial         string            `json:"serial_number"`
	Subject        map[string]string `json:"subject_names"`
	HavePrivateKey bool              `json:"have_private_key"`
	NotBefore      time.Time         `json:"not_valid_before"`
	NotAfter       time.Time         `json:"not_valid_after"`
	PublicKey      string            `json:"public_key"` // PEM
	Raw            string            `json:"raw"`        // what is in the file
}

// trusted lists the files that hold what they should; verbose, only certificates.
func trusted(c *call) error {
	verbose, err := c.flag("verbose", false)
	if err != nil {
		return err
	}
	names, err := c.agent.Trusted(c.r.Context())
	if err != nil {
		return err
	}
	files, certificates := trustedBody{[]string{}}, certificatesBody{[]certificateBody{}}
	for _, name := range names {
		data, err := c.agent.ReadTrusted(c.r.Context(), name)
		if is[*NotFound](err) {
			continue // removed just now
		}
		if err != nil {
			return err
		}
		certificate, ok := parsePEM(data)
		if ok {
			files.PEM = append(files.PEM, name)
		}
		if certificate != nil {
			certificates.PEM = append(certificates.PEM, newCertificateBody(name, certificate, data))
		}
	}
	if verbose {
		return c.json(http.StatusOK, certificates)
	}
	return c.json(http.StatusOK, files)
}

func newCertificateBody(name string, x *x509.Certificate, data []byte) certificateBody {
	return certificateBody{
		ID: name, Type: "KeyPairSimple", Serial: colons(x.SerialNumber.Bytes()), Subject: subjectNames(&x.Subject), NotBefore: x.NotBefore,
		NotAfter: x.NotAfter, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: x.RawSubjectPublicKeyInfo})), Raw: string(data),
	}
}

func subjectNames(subject *pkix.Name) map[string]string {
	names := map[string]string{"commonName (CN)": subject.CommonName}
	if len(subject.Organization) > 0 {
		names["organizationName (O)"] = strings.Join(subject.Organization, ", ")
	}
	return names
}

// colons returns bytes as pairs of hex digits.
func colons(data []byte) string {
	var pairs []string
	for _, b := range data {
		pairs = append(pairs, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}

// parsePEM reports whether a file holds a certificate or a public key, and nothing else, and returns the first if it is a certificate.
func parsePEM(data []byte) (certificate *x509.Certificate, ok bool) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return certificate, ok
		}
		switch block.Type {
		case "CERTIFICATE":
			x, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, false
			}
			if !ok {
				certificate = x
			}
		case "PUBLIC KEY":
			if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
				return nil, false
			}
		case "RSA PUBLIC KEY":
			if _, err := x509.ParsePKCS1PublicKey(block.Bytes); err != nil {
				return nil, false
			}
		default:
			return nil, false
		}
		ok = true
	}
}

// fileName returns the file that the path names. No other name can be that of one.
func (c *call) fileName() (string, error) {
	name, err := c.param("filename")
	if err != nil {
		return "", err
	}
	stem, isPEM := strings.CutSuffix(name, ".pem")
	if !isPEM || stem == "" || len(stem) > 128 || strings.ContainsFunc(stem, func(r rune) bool { return !isNameRune(r) || strings.ContainsRune(` *+()?&!@,:/\`, r) }) {
		return "", &BadInput{"filename", "a file name has letters, digits, dots, hyphens and underscores, and ends in .pem"}
	}
	return name, nil
}

// knownFile is fileName for what must be there already.
func (c *call) knownFile() (string, error) {
	name, err := c.fileName()
	if is[*BadInput](err) {
		err = &NotFound{"filename", "there is no such file"}
	}
	return name, err
}

func readTrusted(c *call) error {
	name, err := c.knownFile()
	if err != nil {
		return err
	}
	data, err := c.agent.ReadTrusted(c.r.Context(), name)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	send(c.w, http.StatusOK, "application/x-pem-file", data)
	return nil
}

func writeTrusted(c *call) error {
	name, err := c.fileName()
	if err != nil {
		return err
	}
	data, err := c.body()
	if err != nil {
		return err
	}
	if _, ok := parsePEM(data); !ok {
		return &BadInput{"trusted cert file", "the file must hold a certificate or a public key in PEM form, and no private key"}
	}
	names, err := c.agent.Trusted(c.r.Context())
	if err != nil {
		return err
	}
	if len(names) >= maxTrusted && !slices.Contains(names, name) {
		return &BadInput{"trusted cert file", "there are too many files"}
	}
	if err := c.agent.WriteTrusted(c.r.Context(), name, data); err != nil {
		return err
	}
	return c.empty()
}

func removeTrusted(c *call) error {
	name, err := c.knownFile()
	if err != nil {
		return err
	}
	if err := c.agent.RemoveTrusted(c.r.Context(), name); err != nil {
		return err
	}
	return c.nothing()
}
