package cluster

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowedImports is all that the core may use: no clock, chance, goroutine, lock, file or network can come in by them.
var allowedImports = []string{"cmp", "errors", "fmt", "iter", "maps", "slices", "strings", "time",
	"github.com/supvisors/supvisors/internal/process", "github.com/supvisors/supvisors/rules"}

// allowedOfTime is what may be used of package time: values, not the clock.
var allowedOfTime = []string{"Time", "Duration", "Second"}

// allowedOfFmt makes text and does not print it.
var allowedOfFmt = []string{"Sprintf", "Sprint", "Errorf", "Stringer"}

// TestPurity: the core is a function of its events. It is read from the source, as nothing else would show it.
func TestPurity(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		files++
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range impurities(file) {
			t.Errorf("%s: %s", fset.Position(problem.pos), problem.text)
		}
	}
	if files < 10 {
		t.Errorf("only %d files were read", files)
	}
}

type impurity struct {
	pos  token.Pos
	text string
}

func impurities(file *ast.File) []impurity {
	var found []impurity
	add := func(n ast.Node, text string) { found = append(found, impurity{n.Pos(), text}) }
	for _, spec := range file.Imports {
		if path, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(allowedImports, path) {
			add(spec, "imports "+path)
		}
		if spec.Name != nil {
			add(spec, "gives an import another name")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n, "starts a goroutine")
		case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			add(n, "uses a channel")
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				add(n, "has an init function")
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && pkg.Name == "time" && !slices.Contains(allowedOfTime, n.Sel.Name) {
				add(n, "uses time."+n.Sel.Name)
			}
			if ok && pkg.Name == "fmt" && !slices.Contains(allowedOfFmt, n.Sel.Name) {
				add(n, "uses fmt."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

// TestImpurities: the test above sees what it must see.
func TestImpurities(t *testing.T) {
	const source = `package p
import ("math/rand"; clock "time"; "time"; "fmt"; "sync")
func init() {}
func f(c chan int) {
	go f(nil)
	c <- 1
	select {}
	_ = time.Now()
	_ = time.Duration(3) * time.Second
	fmt.Println(rand.Int(), clock.Time{}, sync.Mutex{})
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range impurities(file) {
		got = append(got, p.text)
	}
	want := []string{"imports math/rand", "gives an import another name", "imports sync", "has an init function", "uses a channel",
		"starts a goroutine", "uses a channel", "uses a channel", "uses time.Now", "uses fmt.Println"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
