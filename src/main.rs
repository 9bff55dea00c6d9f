//! The `jabiru` command.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jabiru::access::{Claims, Role, Tokens};
use jabiru::app::{self, App, Parts};
use jabiru::clock::Clock;
use jabiru::config::Config;
use jabiru::id::CanvasId;

/// Stack of a worker thread. Updates are checked before yrs sees them, at a nesting far below either size; this is the second wall.
const STACK_BYTES: usize = 8 << 20;

/// A multiplayer data canvas you can host yourself.
#[derive(Parser)]
#[command(name = "jabiru", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(Box<Config>),
    /// Print a token for another app's client or for a script.
    Token(Box<TokenArgs>),
    /// Print a fresh one-time login URL for the owner of a data folder.
    LoginUrl(Box<Config>),
    /// Apply, undo or list the migrations of every configured backend.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Write canvases with their history, and the data sets and images they show, to one file.
    Export(Box<ExportArgs>),
    /// Take the canvases of an export. What is there already is left as it is.
    Import(Box<ImportArgs>),
}

#[derive(Args)]
struct ExportArgs {
    /// The file to write; it must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Only these canvases. Default: all, deleted ones included.
    #[arg(long, num_args = 1.., value_name = "ID")]
    canvas: Vec<CanvasId>,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
struct ImportArgs {
    /// The file of an export.
    #[arg(long = "in")]
    from: PathBuf,
    /// Where a canvas is there with other content, put the file's in its place, history included. Embedded store only.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    config: Config,
}

#[derive(Subcommand)]
enum Migrate {
    /// Apply what is pending. The server does it at start, too.
    Up(Box<Config>),
    /// Undo the migrations after one, with the data they made room for. Stop every server first.
    Down(Box<DownArgs>),
    /// List every migration: applied, pending, changed (its file was edited since) or missing (not in this build).
    Status(Box<Config>),
}

#[derive(Args)]
struct DownArgs {
    /// The last migration to keep, e.g. 0003_canvas_marks; '' undoes all.
    #[arg(long)]
    to: String,
    /// The backend, where more than one has migrations: sqlite or mongodb.
    #[arg(long)]
    backend: Option<String>,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
struct TokenArgs {
    /// The canvas it opens, or `*` for every canvas.
    #[arg(long)]
    canvas: String,
    /// viewer, commenter, editor or owner.
    #[arg(long)]
    role: Role,
    /// How long it is valid, e.g. 30s, 15m, 12h, 7d.
    #[arg(long, default_value = "1h", value_parser = parse_ttl)]
    ttl: Duration,
    /// Stable id of the person it is for.
    #[arg(long, default_value = "token")]
    sub: String,
    /// The name others see.
    #[arg(long, default_value = "Token")]
    name: String,
    #[command(flatten)]
    config: Config,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before anything speaks TLS; a second provider in the process would make rustls refuse to choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli.command));
            // Shutdown has its own deadline; a read that hangs on a dead disk must not add another one.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "jabiru: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(config) => serve(*config).await,
        Command::Token(args) => print(&token(&args).await?),
        Command::LoginUrl(config) => print(&app::login_url(&config).await?),
        Command::Migrate(command) => migrate(command).await,
        Command::Export(args) => print(&app::export(&args.config, &args.out, &args.canvas).await?),
        Command::Import(args) => {
            let (lines, all) = app::import(&args.config, &args.from, args.replace).await?;
            print(&lines)?;
            anyhow::ensure!(all, "some canvases were refused and left as they were; the others are imported");
            Ok(())
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    jabiru::telemetry::init_logs(&config.log, config.log_json)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let app = App::start(config, Parts::default()).await?;
    // A closed standard output is no reason not to serve.
    let _ = print(&format!("Jabiru is at {}\nLog in once with: {}", app.origin, app.login_url().await?));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: closing sessions and writing what is left");
    tokio::select! {
        stopped = app.shutdown() => stopped,
        _ = terminate.recv() => anyhow::bail!("told to stop again before everything was stored"),
        _ = tokio::signal::ctrl_c() => anyhow::bail!("told to stop again before everything was stored"),
    }
}

async fn migrate(command: Migrate) -> anyhow::Result<()> {
    match command {
        Migrate::Up(config) => print(&app::migrate_up(&config).await?),
        Migrate::Down(args) => print(&app::migrate_down(&args.config, args.backend.as_deref(), &args.to).await?),
        Migrate::Status(config) => {
            let (lines, sound) = app::migrate_status(&config).await?;
            print(&lines)?;
            anyhow::ensure!(
                sound,
                "a migration that is `changed` or `missing` keeps the server from starting: use the build that applied it"
            );
            Ok(())
        }
    }
}

async fn token(args: &TokenArgs) -> anyhow::Result<String> {
    if args.canvas != "*" {
        args.canvas
            .parse::<jabiru::id::CanvasId>()
            .map_err(|_| anyhow::anyhow!("--canvas takes a canvas id or `*`"))?;
    }
    let clock = Clock::system();
    let claims = Claims {
        sub: args.sub.clone(),
        name: args.name.clone(),
        canvas: args.canvas.clone(),
        role: args.role.to_string(),
        exp: clock.now() / 1000 + args.ttl.as_secs().cast_signed(),
    };
    // The organization is the server's to say; a token does not carry it.
    Ok(Tokens::new(&app::secret(&args.config).await?, String::new(), clock).sign(&claims)?)
}

/// What a person or a script asked for goes to standard output; logs go to standard error.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

fn parse_ttl(text: &str) -> Result<Duration, String> {
    let bad = || "expected a number and s, m, h or d, e.g. 12h".to_owned();
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(bad)
}
