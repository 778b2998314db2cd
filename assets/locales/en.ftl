# The words of the window, in English. Sentence case; verbs on buttons; a state says what and since when.

window-title = Mailsluice · { $profile }
language-name = English

## Numbers, sizes, times
size-b = { $n } B
size-kb = { $n } kB
size-mb = { $n } MB
size-gb = { $n } GB
rate = { $size }/s
age-now = just now
age-min = { $n } min
age-hour = { $n } h
age-day = { $n ->
    [one] 1 day
   *[other] { $n } days
}
span-s = { $n } s
ago-now = just now
ago = { $age } ago
in-now = now
in-time = in { $age }
list-dot = { $a } · { $b }

## Actions: the word, and what it does
act-flush-all = Send/Receive
    .tip = Send and receive with every transport
act-flush-selected = Send/Receive selected
    .tip = Send and receive with the selected transports
act-send-all = Send
    .tip = Empty every outgoing queue
act-send-selected = Send selected
    .tip = Empty the outgoing queue of the selected transports
act-receive-all = Receive
    .tip = Fetch what waits for every transport
act-receive-selected = Receive selected
    .tip = Fetch what waits for the selected transports
act-cancel-selected = Cancel selected
    .tip = Stop the selected transports now; nothing is lost
act-cancel-all = Cancel
    .tip = Stop everything now; nothing is lost
act-no-ui = No UI
    .tip = Ask nothing and open nothing while sending and receiving
act-offline = Offline
    .tip = Send and receive nothing until this is switched off
act-find = Find
    .tip = Find in the queue: words, or state:deferred to:example.net size>1M
act-find-hint = Find in the queue
act-add = Add…
    .tip = Put message files into the queue
act-save = Save…
    .tip = Save the selected message as a file
act-hold = Hold
    .tip = Keep the selected messages from going out
act-release = Release
    .tip = Let the selected messages go out again
act-retry = Retry
    .tip = Try the selected messages again with the next run
act-reroute = Change transport…
    .tip = Give the selected messages to another transport
act-delete = Delete
    .tip = Delete the selected messages for good; asks first
act-treat-as-sent = Treat as sent
    .tip = The selected messages did arrive
act-focus-status = Status table
    .tip = Go to the status table
act-focus-queue = Queue
    .tip = Go to the queue
act-next-pane = Next pane
    .tip = Go to the next part of the window
act-row-settings = Properties
    .tip = Show all that is known of the selected row
act-settings = Settings…
    .tip = Language, colours, size of text
act-help = Help
    .tip = All shortcuts
act-quit = Quit
    .tip = End Mailsluice; asks first while mail has not left
act-certificate = Look at certificate
    .tip = Show what the server presents, and trust it or not
act-password = Enter password
    .tip = Enter the password this transport waits for
act-sign-in = Sign in
    .tip = Sign in with the provider that this transport needs a token of
act-prompt = Run with prompts
    .tip = Send and receive with this transport, and let it ask
act-settle = Settle them in a row
    .tip = Ask one thing after the other, and send and receive with what is answered
act-select-all = Select all
    .tip = Select every message of the list
row-send = Send
row-receive = Receive
row-cancel = Cancel
row-send-of = Send with { $name }
row-receive-of = Receive with { $name }
row-cancel-of = Cancel { $name }

## Why not
why-starting = The profile is still being opened
why-no-profile = There is no profile yet
why-offline = Working offline
why-select-row = Select a transport first
why-select-message = Select a message first
why-select-one = Select one message
why-running = Already running
why-not-running = Nothing is running
why-row-not-running = It is not running
why-no-outgoing = It does not send
why-no-incoming = It does not receive
why-nothing-to-settle = Nothing waits for you
why-no-question = It asks nothing
why-other-transports = There is no other transport that sends
why-no-list = The queue is not shown

## The status table
col-resource = Transport
col-status = Status
col-to-send = To send
col-deferred = Deferred
col-held = Held
col-failed = Failed
col-waiting = Waiting
tip-to-send = Messages that go out with the next run
tip-deferred = Put off; tried again later by itself
tip-held = Kept from going out by you
tip-failed = Refused for good, or in doubt
tip-waiting = On the server, not fetched yet
tip-bytes = { $size } in all
tip-in-doubt = { $n ->
    [one] 1 in doubt: it may or may not have arrived
   *[other] { $n } in doubt: they may or may not have arrived
}
tip-as-of = As of { $time }
all-transports = All transports
ignores-no-ui = Ignores No UI
ignores-no-ui-tip = This transport runs an outside program that may open windows, also with No UI
left-out-no-ui = Left out under No UI
left-out-no-ui-tip = This transport runs an outside program that may open windows, so the profile leaves it out with No UI and of the schedule

## What a row says
st-idle = Idle
st-nothing = Nothing to send
st-ready = { $n ->
    [one] 1 ready to send
   *[other] { $n } ready to send
}
st-offline = Offline
st-offline-detail = Sends and receives nothing until you work online
st-working = { $n ->
    [one] 1 transport at work
   *[other] { $n } transports at work
}
st-need-you = { $n ->
    [one] 1 needs you
   *[other] { $n } need you
}
st-sending = Sending
st-receiving = Receiving
st-sending-of = Sending { $done } of { $total }
st-receiving-of = Receiving { $done } of { $total }
st-time-left = { $span } left
st-stopping = Stopping
st-needs-password = Needs a password
st-needs-password-detail = Nothing is sent or received until it is entered
st-needs-certificate = Nobody vouches for its certificate
st-needs-certificate-detail = Nothing is sent or received until you trust it
st-needs-consent = Needs you to sign in
st-needs-consent-detail = Nothing is sent or received until you sign in with the provider
st-last-run = Last run { $ago }
st-next-run = Next run { $when }
st-next-try = Next try { $when }
st-never-run = Not run yet
st-deferred = { $n ->
    [one] 1 put off, tried again by itself
   *[other] { $n } put off, tried again by themselves
}
st-in-doubt = { $n ->
    [one] 1 in doubt
   *[other] { $n } in doubt
}
st-failed = { $n ->
    [one] 1 refused
   *[other] { $n } refused
}

## How far a run is
stage-queue = Waiting for its turn
stage-bring = Bringing the line up
stage-resolve = Looking up the host
stage-connect = Connecting
stage-tls = Agreeing on TLS
stage-greeting = Waiting for the greeting
stage-login = Signing in
stage-envelope = Naming sender and recipients
stage-content = Sending content
stage-reply = Waiting for the server's reply
stage-list = Listing
stage-fetch = Fetching
stage-deliver = Writing to disk
stage-delete = Tidying up on the server
stage-quit = Closing
stage-store = Reading and writing the spool
stage-program = Running a program

## What went wrong, and the one thing to do
fail-transient = { $at } put it off
fail-permanent = { $at } refused it
fail-login = { $at } refused the sign-in
fail-trust = { $at } can't be trusted
fail-configuration = The settings for { $at } don't fit
fail-offline = { $at } can't be reached
fail-cancelled = Cancelled
fail-needs-person = { $at } needs an answer
fail-in-doubt = The line to { $at } dropped before the reply
fail-protocol = { $at } answered out of turn
fail-local = Trouble on this machine: { $at }
fail-said = { $what } ({ $reply })
fix-transient = Tried again by itself
fix-permanent = Correct the message or the address, then send it again
fix-login = Enter the password again
fix-trust = Check the certificate or the security setting
fix-configuration = Correct the transport's settings
fix-offline = Check the network, then send again
fix-needs-person = Run it with prompts, or switch No UI off
fix-in-doubt = Find out whether it arrived, then choose
fix-protocol = Look into the log
fix-local = Make room or mend the disk, then try again

## Tabs
tab-queue = Queue
tab-progress = Progress
tab-problems = Problems
tab-log = Log
tab-properties = Properties

## Queue
q-state = State
q-subject = Subject
q-from = From
q-to = To
q-size = Size
q-queued = Queued
q-next = Next try
q-result = Last reply
q-no-subject = (no subject)
q-nobody = (no sender)
q-more-recipients = { $first } and { $n } more
q-selected = { $n ->
    [one] 1 selected
   *[other] { $n } selected
}
q-total = { $n ->
    [one] 1 message
   *[other] { $n } messages
}
q-loading = Reading…
q-not-before = Not before { $time }
q-row = { $state }: { $subject }, from { $from } to { $to }, { $size }, queued { $age } ago
q-sort = Sort by { $column }
state-in_flight = On its way
state-in_doubt = In doubt
state-queued = Queued
state-deferred = Deferred
state-held = Held
state-failed = Refused
state-sent = Sent
q-empty = Nothing in the queue
q-empty-do = Add message files, drop them on the window, or let a program send with “mailsluice submit”.
q-none-found = Nothing matches
q-none-found-do = Change the words in Find, or empty it with Esc.
q-no-outgoing = { $name } has no outgoing queue
q-no-outgoing-do = It only receives. Press Receive to fetch what waits.
q-choose-transport = Give { $n ->
    [one] 1 message
   *[other] { $n } messages
} to

## Progress
p-empty = Nothing is running
p-empty-do = Press { $key } to send and receive with every transport.
p-count = { $done } of { $total }
p-elapsed = Elapsed
p-messages = Messages
p-data = Data
p-rate = Speed
p-left = Time left
p-unknown = –
p-running-a11y = { $name }: { $what }

## Problems
pr-empty = No problems
pr-empty-do = What needs your hand shows up here, with the one thing to do.
pr-waiting = { $n ->
    [one] 1 transport waits for you
   *[other] { $n } transports wait for you
}
pr-refused = { $n ->
    [one] 1 message was refused for good
   *[other] { $n } messages were refused for good
}
pr-refused-do = Each has a delivery report that says why. Correct the address and retry, or delete.
pr-in-doubt = { $n ->
    [one] 1 message may or may not have arrived
   *[other] { $n } messages may or may not have arrived
}
pr-in-doubt-do = The line dropped between the last byte and the reply. Find out, then choose.
pr-show = Show
pr-send-again = Send again
pr-treat-as-sent = Treat as sent
pr-try-again = Try again

## Log
log-empty = Nothing has happened yet
log-empty-do = What transports do and say is written here.
log-none = Nothing of this kind
log-none-do = Switch on more kinds above.
log-info = Info
log-warning = Warnings
log-error = Errors
log-spooler = Spooler
sev-info = Info
sev-warning = Warning
sev-error = Error

## Properties
prop-row = Row
prop-name = Property
prop-tag = Tag
prop-type = Type
prop-value = Value
prop-empty = (empty text)
prop-row-a11y = { $name } is { $value }

## Footer
foot-to-send = { $n ->
    [one] 1 to send
   *[other] { $n } to send
}
foot-to-send-size = { $n ->
    [one] 1 to send ({ $size })
   *[other] { $n } to send ({ $size })
}
foot-nothing = Nothing to send
foot-waiting = { $n ->
    [one] 1 to receive
   *[other] { $n } to receive
}
foot-need-you = { $n ->
    [one] 1 needs you
   *[other] { $n } need you
}
foot-next-run = next run { $when }
foot-online = online
foot-offline = offline
foot-no-ui = No UI
foot-starting = Opening the profile
foot-no-profile = No profile yet

## The tray
tray-flush-all = Send/Receive all
tray-send-all = Send all
tray-receive-all = Receive all
tray-by-transport = By transport
tray-cancel-all = Cancel all
tray-offline = Work offline
tray-pause = Pause for an hour
tray-paused = paused until { $time }
tray-next-run = next run at { $time }
tray-at-work = { $name }: { $what }
tray-waiting = Waiting for you ({ $n })
tray-open = Open Mailsluice
tray-quit = Quit
tray-quit-leaving = Quit: mail is still leaving
tray-quit-running = Quit: mail is still arriving
tray-quit-waiting = Quit: { $n } still to send
tray-quit-leave = Now; it waits until the next start
tray-quit-finish = When that is done
tray-quit-now = Now; nothing is lost

## Notifications
notice-received = { $n ->
    [one] 1 message received
   *[other] { $n } messages received
}
notice-sent = { $n ->
    [one] 1 message sent
   *[other] { $n } messages sent
}
notice-needs-you = A transport needs you
notice-news = Mail came or went
notice-open = Open

## What came of it
did-hold = { $n ->
    [one] 1 message held
   *[other] { $n } messages held
}
did-release = { $n ->
    [one] 1 message released
   *[other] { $n } messages released
}
did-retry = { $n ->
    [one] 1 message goes out with the next run
   *[other] { $n } messages go out with the next run
}
did-reroute = { $n ->
    [one] 1 message changed transport
   *[other] { $n } messages changed transport
}
did-delete = { $n ->
    [one] 1 message deleted
   *[other] { $n } messages deleted
}
did-treat-as-sent = { $n ->
    [one] 1 message counts as sent
   *[other] { $n } messages count as sent
}
did-nothing = None of the selected messages could be changed: they are on their way, or in another state.
did-add = { $n ->
    [one] 1 message added to the queue
   *[other] { $n } messages added to the queue
}
did-add-refused = { $file } was not added: { $why }
did-save = Saved as { $path }
did-pin = The fingerprint of { $host }’s certificate is in the profile.
refused-busy = It is running already.
refused-cancel = Cancelled.
refused-other = That did not work: { $why } ({ $result })
close = Close

## Dialogs
dlg-cancel = Cancel
dlg-certificate = Trust the server of { $name }?
dlg-certificate-unknown = Nobody this computer trusts vouches for { $host }
dlg-certificate-changed = { $host } presents another certificate than the one in the profile
dlg-certificate-names = It says it is for { $value }
dlg-certificate-issuer = It says it was signed by { $value }
dlg-certificate-valid = Valid { $value }
dlg-certificate-print = SHA-256 fingerprint; compare it with the one its administrator gives
dlg-certificate-expected = The profile expects
dlg-certificate-for-good = Trust it for good
dlg-certificate-kept = It is trusted until Mailsluice ends.
dlg-certificate-pinned = Its fingerprint goes into the profile, in place of any other. When the server changes its certificate you are asked again.
dlg-certificate-do = Trust
notice-certificate = Nobody vouches for the certificate of { $host }
dlg-consent = Sign in for { $name }
dlg-consent-for = { $host } wants { $user } to sign in with { $provider }, in the browser.
dlg-consent-why = Why now: { $why }
dlg-consent-code = Type this code there
dlg-consent-copy = Copy address
dlg-consent-open = Open browser
dlg-consent-waits = Waiting for the browser. This closes by itself when you are through there.
dlg-consent-kept = What you allow goes into the keyring, if there is one. Your password stays with the provider.
dlg-password = Password for { $name }
dlg-password-for = { $user } at { $host }
dlg-password-refused = The last one was refused: { $reply }
dlg-password-field = Password
dlg-password-show = Show
dlg-password-kept = Kept in memory until Mailsluice ends. The profile says where to keep it for longer.
dlg-sign-in = Sign in
dlg-add = Add messages
dlg-add-what = Message files (.eml) or folders of them. They wait in the queue until they are sent.
dlg-add-field = File or folder
dlg-add-do = Add
dlg-browse = Choose…
dlg-save = Save message
dlg-save-what = The whole message, as it would go out.
dlg-save-field = File
dlg-save-do = Save
dlg-no-chooser = No file chooser answered. Type the path.
dlg-path-empty = Type a path
dlg-path-missing = There is no such file or folder
dlg-path-exists = There is a file of this name already
dlg-path-no-folder = There is no such folder
dlg-delete = { $n ->
    [one] Delete 1 message?
   *[other] Delete { $n } messages?
}
dlg-delete-what = They are gone for good and nobody is told. This can't be undone.
dlg-delete-do = Delete for good
dlg-resend = { $n ->
    [one] Send 1 message again?
   *[other] Send { $n } messages again?
}
dlg-resend-what = If it did arrive, the recipients get it twice.
dlg-resend-do = Send again
dlg-help = Shortcuts
dlg-help-queue = In the queue
dlg-help-everywhere = Everywhere
dlg-help-lists = In lists
help-arrows = Arrow keys, Page up, Page down, Home, End
help-arrows-do = Move; with Shift select more
dlg-quit = Quit Mailsluice?
dlg-quit-running = Mail is on its way just now.
dlg-quit-to-send = { $n ->
    [one] 1 message has not left yet. It stays in the queue until Mailsluice runs again.
   *[other] { $n } messages have not left yet. They stay in the queue until Mailsluice runs again.
}
dlg-quit-left = { $n ->
    [one] 1 message could not be sent. It stays in the queue until Mailsluice runs again.
   *[other] { $n } messages could not be sent. They stay in the queue until Mailsluice runs again.
}
dlg-quit-no-tray = This desktop has no tray. Without its window Mailsluice ends, and sends and receives nothing by itself.
dlg-quit-send = Send, then quit
dlg-quit-finish = Finish, then quit
dlg-quit-keep = Keep running
dlg-quit-now = Quit now
dlg-settings = Settings
set-language = Language
set-language-system = As the system
set-colours = Colours
set-colours-system = As the desktop
set-colours-light = Light
set-colours-dark = Dark
set-colours-contrast = High contrast
set-scale = Size of text
set-rows = Rows
set-rows-comfortable = Comfortable
set-rows-compact = Compact
set-notify = Notifications
set-notify-needs-you = What needs you
set-notify-received = Received
set-notify-sent = Sent
set-privacy = They show
set-privacy-all = Names and numbers
set-privacy-numbers = Numbers, no names
set-privacy-nothing = Only that there is something
set-closing = Closed without a tray
set-closing-ask = Asks
set-closing-quit = Quits
set-closing-keep = Keeps running
set-autostart = Start
set-autostart-do = With the session, in the tray

## First start
first-title = Every mail queue you have, emptied when you say so
first-demo = Try the demo
first-demo-what = A mail provider inside the program: four transports, some of them in trouble. Nothing of yours is touched.
first-own = Set up your mail
first-own-what = One transport to begin with. It becomes a file you can read and edit.
first-name = Your name
first-address = Address
first-user = User
first-outgoing = Outgoing server
first-incoming = Incoming mail
first-server = Incoming server
first-port = Port
first-security = Security
first-tls = TLS
first-starttls = STARTTLS
first-none = None
first-imap = IMAP
first-pop3 = POP3
first-nothing = None, only send
first-password = Password
first-ask = Ask me once a session
first-keyring = In the desktop's keyring
first-command = From a command
first-variable = From an environment variable
first-command-field = Command
first-variable-field = Variable
first-command-hint = pass show mail/work
first-create = Create profile
first-back = Back
first-why-address = Enter an address such as ann@example.org
first-why-outgoing = Enter the name of the outgoing server
first-why-incoming = Enter the name of the incoming server
first-why-port = A port is a number from 1 to 65535
first-why-user = Enter the user who signs in
first-why-command = Enter the command that prints the password
first-why-variable = A variable is letters, digits and underscores
first-warn-plain = Without TLS everybody on the way can read mail and password
starting = Opening the profile
failed-title = The profile can't be opened
failed-do = Correct it and start again, or try the demo.

## For screen readers
a11y-status-table = Status table
a11y-queue = Queue
a11y-log = Log
a11y-properties = Properties
a11y-row = { $name }, { $provider }: { $status }. { $counts }
a11y-count-to-send = { $n } to send
a11y-count-deferred = { $n } deferred
a11y-count-held = { $n } held
a11y-count-failed = { $n } failed
a11y-count-waiting = { $n } waiting on the server
