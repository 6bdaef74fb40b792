package files

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCache: whatever is put, found and removed, the bounds hold, and what is found is what was put last.
func TestCache(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	c := newCache(10000)
	model := map[string]*entry{}
	for range 20000 {
		key := fmt.Sprint(random.Intn(200))
		switch random.Intn(10) {
		case 0:
			if e := model[key]; e != nil {
				c.remove(e)
				delete(model, key)
				require.Nil(t, c.find([]byte(key)))
				c.remove(e)
			}
		case 1, 2, 3:
			e := &entry{key: key, bytes: int64(random.Intn(1000))}
			c.put(e)
			model[key] = e
			require.Same(t, e, c.find([]byte(key)))
		default:
			if e := c.find([]byte(key)); e != nil {
				require.Same(t, model[key], e)
			}
		}
		require.LessOrEqual(t, c.bytes, c.bytesMax)
	}
	var sum int64
	for i, e := range c.ring {
		require.Equal(t, i, e.at)
		require.Same(t, e, c.find([]byte(e.key)))
		sum += e.bytes
	}
	require.Equal(t, sum, c.bytes)
	require.NotEmpty(t, c.ring)
}

// TestSecondChance: what is found stays, what is only put goes.
func TestSecondChance(t *testing.T) {
	c := newCache(1 << 30)
	for i := range 100 {
		c.put(&entry{key: fmt.Sprint("hot", i)})
	}
	for i := range 3 * entriesMax {
		c.put(&entry{key: fmt.Sprint("cold", i)})
		if i%(entriesMax/2) == 0 {
			for k := range 100 {
				require.NotNil(t, c.find(fmt.Append(nil, "hot", k)))
			}
		}
	}
	require.Len(t, c.ring, entriesMax)
}
