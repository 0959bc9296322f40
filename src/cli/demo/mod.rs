//! `demo`: the real relay in one process, with stand-ins for Slack and PagerDuty, and half a minute of cluster life.
//!
//! Everything between the stand-ins is the real thing: HTTP in, SQLite on disk, HTTP out, retries and all.
//! [`story`] is what happens; [`stand_ins`] are those who are told; here it is run, shown and counted.

mod stand_ins;
mod story;
mod tally;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Failure, Verdict, kit, samples};
use crate::app::App;
use crate::app::settings::Settings;
use crate::config;
use crate::http_client::{Endpoint, HttpClient};
use crate::notify::Kit;
use crate::runtime::{Clock, Lifecycle, SystemClock};
use crate::store::Store;
use stand_ins::{Heard, StandIns};
use story::{Act, STORY};
use tally::Tally;

/// What the demo's senders and its relay share.
const TOKEN: &str = "demo-token";
/// How long the relay may take to tell everything after the story's end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `demo` takes.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How many times faster than life
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: u32,
}

/// Runs the story, shows each message as it arrives, and ends with a summary.
pub async fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let folder = std::env::temp_dir().join(format!("castai-relay-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let played = play(args.speed, &folder, out).await;
    // A demo leaves nothing behind; if it cannot, the system's own clean-up of temporary files will.
    let _ = std::fs::remove_dir_all(&folder);
    played
}

async fn play(speed: u32, folder: &Path, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let life = Lifecycle::default();
    let (hears, heard) = mpsc::channel(1024);
    let stand_ins = Arc::new(StandIns::new(hears));
    let kit = kit()?;
    let receivers = stand_ins::serve(stand_ins.clone(), &life).await?;
    let settings = settings(folder, receivers, &kit)?;
    let grace = settings.server.shutdown_grace.get();
    let app = App::build(settings, Arc::new(SystemClock), life.clone()).await?;
    let address = app.public_address()?;
    writeln!(out, "castai-relay demo: the relay listens on http://{address}/castai/events\n")?;
    let mut show = Show {
        endpoint: Endpoint::parse(&format!("http://{address}/castai/events"))?,
        http: kit.http,
        store: app.store.clone(),
        stand_ins,
        heard,
        started: Instant::now(),
        tally: Tally::default(),
        out,
    };
    app.spawn();
    show.play(speed).await?;
    show.wait_until_all_is_told().await?;
    life.stop();
    life.run_down(grace).await;
    show.drain()?;
    let adds_up = show.tally.summarise(&*show.store, show.out).await?;
    Ok(if adds_up { Verdict::Good } else { Verdict::FoundWrong })
}

fn settings(folder: &Path, receivers: std::net::SocketAddr, kit: &Kit) -> Result<Settings, Failure> {
    let file: PathBuf = folder.join("demo.yaml");
    let text = include_str!("demo.yaml")
        .replace("{{RECEIVERS}}", &receivers.to_string())
        .replace("{{FOLDER}}", &folder.display().to_string())
        .replace("{{TOKEN}}", TOKEN);
    std::fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    Settings::read(&config::load(&[file], Vec::new()), kit).map_err(Failure::Config)
}

/// The running demo.
struct Show<'a> {
    endpoint: Endpoint,
    http: HttpClient,
    store: Arc<dyn Store>,
    stand_ins: Arc<StandIns>,
    heard: mpsc::Receiver<Heard>,
    started: Instant,
    tally: Tally,
    out: &'a mut dyn Write,
}

impl Show<'_> {
    async fn play(&mut self, speed: u32) -> Result<(), Failure> {
        for scene in STORY {
            self.listen_until(self.started + Duration::from_millis(scene.at_ms) / speed).await?;
            match scene.act {
                Act::Send { sample, id } => self.send(sample, id, scene.says).await?,
                Act::SlackFails => self.set_slack(false, scene.says)?,
                Act::SlackWorks => self.set_slack(true, scene.says)?,
            }
        }
        Ok(())
    }

    async fn send(&mut self, sample: &'static str, id: &str, says: &str) -> Result<(), Failure> {
        let now = SystemClock.now();
        let body = Bytes::from(samples::sample(sample, id, now).unwrap_or_default());
        let bearer = format!("Bearer {TOKEN}");
        let headers = [("authorization", bearer.as_str())];
        self.line("CAST AI  ▶", says)?;
        let answer = self.http.post(&self.endpoint, "application/json", body.clone(), &headers, now).await?;
        self.line("         ◀", &in_brief(answer.status, &answer.body))?;
        self.tally.answered(answer.status, &answer.body, body, now);
        Ok(())
    }

    fn set_slack(&mut self, works: bool, says: &str) -> Result<(), Failure> {
        self.stand_ins.set_slack_works(works);
        self.line("Slack    ↯", says)
    }

    async fn listen_until(&mut self, moment: Instant) -> Result<(), Failure> {
        loop {
            let heard = tokio::select! {
                heard = self.heard.recv() => heard,
                () = sleep_until(moment) => return Ok(()),
            };
            if let Some(heard) = heard {
                self.show(heard)?;
            }
        }
    }

    /// Until nothing is pending, and then long enough for the last message to be shown.
    async fn wait_until_all_is_told(&mut self) -> Result<(), Failure> {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            self.listen_until(Instant::now() + Duration::from_millis(200)).await?;
            if self.store.backlog().await?.values().all(|backlog| backlog.pending == 0) {
                break;
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Failure> {
        while let Ok(heard) = self.heard.try_recv() {
            self.show(heard)?;
        }
        Ok(())
    }

    fn show(&mut self, heard: Heard) -> Result<(), Failure> {
        self.tally.heard(&heard);
        let (who, what) = match &heard {
            Heard::Slack { works: true, text } => ("     ▶ Slack", first_line(text).to_owned()),
            Heard::Slack { works: false, text } => ("     ✗ Slack", format!("503, not shown: {}", first_line(text))),
            Heard::PagerDuty { severity, summary } => ("     ▶ PagerDuty", format!("[{severity}] {summary}")),
        };
        self.line(who, &what)
    }

    fn line(&mut self, who: &str, what: &str) -> Result<(), Failure> {
        let seconds = self.started.elapsed().as_secs_f32();
        writeln!(self.out, "{seconds:5.1}s  {who:<18}{what}")?;
        Ok(self.out.flush()?)
    }
}

/// The relay's answer on one line: whole when it is good news, code and message when it is not.
fn in_brief(status: u16, body: &str) -> String {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| answer.pointer(&format!("/error/{key}")).and_then(Value::as_str);
    match (text("code"), text("message")) {
        (Some(code), Some(message)) => format!("{status} {code}: {message}"),
        _ => format!("{status} {}", body.trim_end()),
    }
}

/// What a phone shows of a message before it is opened.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
