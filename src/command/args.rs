//! The command line, as the contract has it.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Every mail queue you have, outgoing and incoming, emptied on demand. Without a command: the window.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "mailsluice", version, about, max_term_width = 100)]
pub struct Arguments {
    /// Folder of the profile; everything of it is in there.
    #[arg(long, global = true, value_name = "DIR", env = "MAILSLUICE_PROFILE")]
    pub profile: Option<PathBuf>,

    /// Use a throw-away profile and a mail provider inside this process.
    #[arg(long, global = true, conflicts_with = "profile")]
    pub demo: bool,

    /// Start without a window: in the tray, with the schedule running.
    #[arg(long, conflicts_with = "files")]
    pub background: bool,

    /// Message files to put into the queue, in the window.
    #[arg(value_name = "FILE.eml")]
    pub files: Vec<PathBuf>,

    /// What to do; nothing: open the window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do without a window.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show the status table: the spooler and every transport.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send and receive now.
    Flush(Flush),
    /// Look at the outgoing queue and change it.
    #[command(subcommand)]
    Queue(Queue),
    /// Put messages into the outgoing queue. They stay there until they are flushed.
    Submit(Submit),
    /// Take a message from a script or a mail program, with the options of sendmail(8): -t -i -oi -f -F -bp -q and more.
    #[command(disable_help_flag = true)]
    Sendmail {
        /// As for sendmail.
        #[arg(value_name = "OPTIONS|RECIPIENTS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make transports of the accounts in another program's configuration.
    Import {
        /// Whose it is.
        program: ImportFrom,
        /// Its file, such as ~/.msmtprc.
        file: PathBuf,
    },
    /// Check every transport and say what to do about what is wrong.
    Doctor {
        /// Only these transports.
        names: Vec<String>,
        /// Save the messages of a damaged spool into this folder, as .eml files. The spool stays as it is.
        #[arg(long, value_name = "FOLDER", conflicts_with = "names")]
        rescue: Option<PathBuf>,
    },
    /// Print the completions of a shell.
    #[command(hide = true)]
    Completions {
        /// Which.
        shell: Shell,
    },
    /// Print the manual page, or write all pages into a folder.
    #[command(hide = true)]
    Man {
        /// The folder.
        #[arg(value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

/// Whose configuration is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFrom {
    /// Sends: ~/.msmtprc.
    Msmtp,
    /// Receives: ~/.fetchmailrc.
    Fetchmail,
    /// Receives: ~/.mbsyncrc.
    Mbsync,
    /// Receives: ~/.getmail/getmailrc.
    Getmail,
}

/// `mailsluice flush`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct Flush {
    /// Send what waits here. Without this and --receive: both.
    #[arg(long, visible_alias = "upload")]
    pub send: bool,
    /// Receive what waits there.
    #[arg(long, visible_alias = "download")]
    pub receive: bool,
    /// Only this transport; may be given again.
    #[arg(long = "transport", value_name = "NAME")]
    pub transports: Vec<String>,
    /// Ask nothing and show nothing on the way.
    #[arg(long)]
    pub no_ui: bool,
    /// Also what waits for its next try or for its time, and transports that work asynchronously.
    #[arg(long)]
    pub force: bool,
    /// Return at once if a window runs; it goes on flushing.
    #[arg(long = "async")]
    pub asynchronous: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `mailsluice queue`.
#[derive(Debug, Clone, Subcommand)]
pub enum Queue {
    /// List what is in the queue.
    List {
        /// Only this transport's.
        #[arg(long, value_name = "NAME")]
        transport: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 1000, value_parser = amount)]
        limit: u64,
        /// Words such as: state:deferred to:example.net from:ann age>2h size>1M transport:work text
        filter: Vec<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show everything about envelopes: recipients, attempts, replies.
    Show(Selected),
    /// Keep envelopes from going out.
    Hold(Selected),
    /// Let held envelopes go out.
    Release(Selected),
    /// Try deferred or failed envelopes again at the next flush; in-doubt ones only by ID or state:in_doubt.
    Retry(Selected),
    /// Send in-doubt envelopes again at the next flush; who got them already gets them twice.
    SendAgain(Selected),
    /// Take in-doubt envelopes for delivered.
    TreatAsSent(Selected),
    /// Give envelopes to another transport.
    Reroute {
        /// Its name.
        #[arg(long, value_name = "NAME")]
        to: String,
        /// Which.
        #[command(flatten)]
        selected: Selected,
    },
    /// Delete envelopes for good.
    Delete(Selected),
    /// Write the content of envelopes to files named ID.eml. What was sent has no content any more.
    Export {
        /// Into this folder, which is made if it is missing.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
        /// Replace files that are there already.
        #[arg(long)]
        force: bool,
        /// Which.
        #[command(flatten)]
        selected: Selected,
    },
}

/// Which envelopes.
#[derive(Debug, Clone, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("which").args(["ids", "filter"]).required(true))]
pub struct Selected {
    /// Their numbers, as `queue list` shows them.
    #[arg(value_name = "ID", value_parser = id)]
    pub ids: Vec<i64>,
    /// All that match this filter instead.
    #[arg(long = "where", value_name = "FILTER")]
    pub filter: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `mailsluice submit`.
#[derive(Debug, Clone, Args)]
pub struct Submit {
    /// By this transport, whatever its `accepts` says.
    #[arg(long, value_name = "NAME")]
    pub transport: Option<String>,
    /// The envelope's sender; otherwise the message's From.
    #[arg(long, value_name = "ADDR")]
    pub from: Option<String>,
    /// An envelope recipient; may be given again. Otherwise the message's To, Cc and Bcc.
    #[arg(long, value_name = "ADDR")]
    pub to: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Message files, folders of them, or - for standard input.
    #[arg(required = true, value_name = "FILE.eml|-|DIR")]
    pub files: Vec<PathBuf>,
}

fn id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_no_number| "an ID is a number, as `mailsluice queue list` shows it".to_owned())
}

fn amount(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_no_number| "must be a whole number".to_owned())
}
