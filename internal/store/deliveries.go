package store

import (
	"fmt"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// Endpoint is a webhook endpoint of a project: where messages about its executions go.
type Endpoint struct {
	Key         int64
	Project     int64
	ID          execution.ID
	URL         string
	Description string
	Events      MessageSet
	Workflows   []string // names of the only workflows that it hears of; nil: all
	Disabled    string   // why nothing is sent to it; empty: it is enabled
	CreatedAt   execution.Time
	UpdatedAt   execution.Time
	DeletedAt   execution.Time // its deliveries remain
}

// SecretSet are the signing secrets of one owner, the newest first.
type SecretSet struct {
	Project  int64
	Endpoint int64 // 0: the project itself, for callbacks
	Secrets  []SigningSecret
}

// SigningSecret is what messages are signed with. The store sees it encrypted only.
type SigningSecret struct {
	Sealed    []byte
	Hint      string // its last characters
	CreatedAt execution.Time
	ExpiresAt execution.Time // when nothing is signed with it any more; zero: never
}

// MessageType says what a message tells of an execution. Its number is stored.
type MessageType uint8

// The types of messages.
const (
	MessageCreated  MessageType = iota // it was started
	MessageStatus                      // its status changed to one that is not final
	MessageTerminal                    // it ended
	MessageTest                        // nothing; sent on request
)

// MessageSet is a set of types of messages.
type MessageSet uint8

// Set is the set of the type alone.
func (t MessageType) Set() MessageSet { return 1 << t }

// Has reports whether the type is in the set.
func (s MessageSet) Has(t MessageType) bool { return s&t.Set() != 0 }

// Delivery is one message on its way to one destination.
type Delivery struct {
	ID          execution.ID // the same for every attempt
	Project     int64
	Endpoint    int64        // key; 0: a callback
	Execution   execution.ID // zero: a test
	Destination int64        // deliveries with the same number go to the same host
	Type        MessageType

	// What the message tells, besides what never changes about its execution.
	Revision int64
	Status   execution.Status
	Attempt  int32 // of the execution
	At       execution.Time

	State    DeliveryState
	Attempts int32          // made so far
	Base     int32          // attempts that were made when it was last asked for
	DueAt    execution.Time // the next attempt, or when one that is under way counts as lost; zero once it has ended
	EndedAt  execution.Time
	Error    string // of the last attempt, empty after a good one
}

// DeliveryState is how far a delivery is. Its number is stored.
type DeliveryState uint8

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = iota // there will be an attempt
	DeliveryDelivered                      // the receiver accepted it
	DeliveryDead                           // the receiver did not accept it in time, or refused it for good
	DeliveryCancelled                      // it is no longer wanted
	deliveryStates
)

var deliveryStateNames = [deliveryStates]string{"pending", "delivered", "dead", "cancelled"}

func (s DeliveryState) String() string {
	if s < deliveryStates {
		return deliveryStateNames[s]
	}
	return fmt.Sprintf("delivery_state(%d)", uint8(s))
}

// DeliveryStates is how many states there are.
const DeliveryStates = int(deliveryStates)

// DeliveryUpdate saves the changing part of a delivery on the condition that its stored state, attempts and due time are
// still those given.
type DeliveryUpdate struct {
	Delivery
	FromState    DeliveryState
	FromAttempts int32
	FromDue      execution.Time
}

// DeliveryAttempt is one request that was made for a delivery.
type DeliveryAttempt struct {
	Delivery execution.ID
	N        int32 // from 1
	At       execution.Time
	Took     time.Duration
	Status   int    // of the answer; 0: there was none
	Error    string // why there was no good answer
	Excerpt  []byte // how the answer's body begins
}

// DueQuery selects deliveries whose time has come.
type DueQuery struct {
	Now   execution.Time
	Skip  []int64 // destinations that are left out
	Each  int     // most of one destination
	Limit int
	From  int64 // the first destination to look at; after the highest number it goes on with the lowest
	Part  Part  // of the destinations
}

// DuePage is what a DueQuery selects.
type DuePage struct {
	Due []Delivery // earliest first within a destination
	// Next is the earliest time after now at which another one is due, destinations left out aside; zero: none.
	Next execution.Time
	// Last is the last destination that was looked at.
	Last int64
	// More says that the limit was reached.
	More bool
}

// DeliveryQuery selects deliveries of a project, newest first. Fields that are set must all hold.
type DeliveryQuery struct {
	Project   int64
	Endpoint  int64
	Execution execution.ID
	States    []DeliveryState // nil: all
	Before    execution.ID    // only deliveries older than this; zero: from the newest
	Limit     int
}

// DeliveryBacklog is what waits for delivery.
type DeliveryBacklog struct {
	Pending int64
	Overdue execution.Time // when the one that should have gone out first was due; zero: none waits
}
