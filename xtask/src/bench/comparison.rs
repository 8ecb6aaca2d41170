//! The measurements: what is done to both sides, in turns, and what comes out as rows.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::{Row, Unit, median};
use super::sample::{Sample, Spawner};
use super::side::{Attachment, Side, network, published};

/// The two sets of plugins and the way to measure them.
#[derive(Clone, Copy)]
pub struct Comparison<'a> {
    /// Ours.
    pub ours: &'a Path,
    /// The other set.
    pub reference: &'a Path,
    /// Starts what is measured.
    pub spawner: &'a Spawner,
    /// How many samples a median is made of.
    pub samples: usize,
}

/// The limits of one network's ADD and DEL, as ratios; `None` where nothing is promised.
#[derive(Clone, Copy, Default)]
pub struct Limits {
    pub add_wall: Option<f64>,
    pub add_cpu: Option<f64>,
    pub add_peak: Option<f64>,
    pub del_wall: Option<f64>,
}

/// The samples of one side.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) adds: Vec<Sample>,
    pub(super) dels: Vec<Sample>,
}

impl Comparison<'_> {
    /// ADD and DEL of one attachment at a time, ours and the reference's in turns.
    ///
    /// # Errors
    ///
    /// When a plugin fails.
    pub fn one_by_one(
        &self,
        title: &str,
        [ours, reference]: [&Value; 2],
        limits: Limits,
    ) -> Result<Vec<Row>> {
        let sides = [Side::new(self.ours, ours), Side::new(self.reference, reference)];
        let [ours, reference] = self.in_turns(&sides, 1, self.samples)?;
        let row = |what: &str, unit, limit, value: fn(&Samples) -> f64| Row {
            title: format!("{title}: {what}"),
            unit,
            ours: value(&ours),
            base: Some(value(&reference)),
            limit,
        };
        Ok(vec![
            row("ADD, wall", Unit::Ms, limits.add_wall, |s| wall(&s.adds)),
            row("ADD, CPU", Unit::Ms, limits.add_cpu, |s| cpu(&s.adds)),
            row("ADD, peak memory", Unit::Kib, limits.add_peak, |s| peak(&s.adds)),
            row("DEL, wall", Unit::Ms, limits.del_wall, |s| wall(&s.dels)),
            row("DEL, CPU", Unit::Ms, None, |s| cpu(&s.dels)),
            row("DEL, peak memory", Unit::Kib, None, |s| peak(&s.dels)),
        ])
    }

    /// ADD and DEL against a program that only makes the kernel work, in turns with ours.
    ///
    /// # Errors
    ///
    /// When a plugin or that program fails.
    pub fn floor(&self, floor: &Path) -> Result<Vec<Row>> {
        let folder = tempfile::tempdir().context("make a folder for the floor")?;
        std::os::unix::fs::symlink(floor, folder.path().join("bridge"))
            .context("let the floor take the plugin's place")?;
        let against_floor = Comparison { reference: folder.path(), ..*self };
        let network = network();
        against_floor.one_by_one("against the kernel's share", [&network; 2], Limits::default())
    }

    /// VERSION, ours and the reference's in turns.
    ///
    /// # Errors
    ///
    /// When a plugin fails.
    pub fn version(&self, limit: f64) -> Result<Vec<Row>> {
        let network = network();
        let sides = [Side::new(self.ours, &network), Side::new(self.reference, &network)];
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..self.samples {
            for (side, samples) in sides.iter().zip(&mut samples) {
                samples.push(side.version(self.spawner)?);
            }
        }
        let [ours, reference] = samples;
        let row = |what: &str, unit, limit, value: fn(&[Sample]) -> f64| Row {
            title: format!("VERSION, {what}"),
            unit,
            ours: value(&ours),
            base: Some(value(&reference)),
            limit,
        };
        Ok(vec![
            row("wall", Unit::Ms, Some(limit), wall),
            row("CPU", Unit::Ms, None, cpu),
            row("peak memory", Unit::Kib, None, peak),
        ])
    }

    /// Many attachments to one bridge at once; every address must be another.
    ///
    /// # Errors
    ///
    /// When a plugin fails or two attachments got the same address.
    pub fn at_once(&self, count: usize, limit: Option<f64>) -> Result<Vec<Row>> {
        let network = network();
        let sides = [Side::new(self.ours, &network), Side::new(self.reference, &network)];
        // A round of a hundred is as much work as a hundred samples.
        let rounds = (self.samples * 2 / count).max(3);
        let [ours, reference] = self.in_turns(&sides, count, rounds)?;
        let row = |what: &str, limit, value: fn(&Samples) -> f64| Row {
            title: format!("{count} at once: {what}"),
            unit: Unit::Ms,
            ours: value(&ours),
            base: Some(value(&reference)),
            limit,
        };
        Ok(vec![
            row("all ADDs, wall", limit, |s| wall(&s.adds)),
            row("all DELs, wall", None, |s| wall(&s.dels)),
        ])
    }

    /// What one attachment costs where `count` others are, compared with none.
    ///
    /// # Errors
    ///
    /// When a plugin fails.
    pub fn among(&self, count: usize, limit: Option<f64>) -> Result<Vec<Row>> {
        let network = network();
        let [empty, crowded] = [(); 2].map(|()| Side::new(self.ours, &network));
        let mut crowd = crowded.containers(count + 1);
        let newcomer = crowd.split_off(count);
        // Some at a time: a start of a thousand processes at once is another measurement.
        for some in crowd.chunks_mut(20) {
            crowded.add(self.spawner, some)?;
        }
        let samples = self.one_each([&empty, &crowded], [empty.containers(1), newcomer])?;
        Ok(loaded_rows(&format!("with {count} attachments present"), &samples, [limit, None]))
    }

    /// What publishing one port costs where `count` other containers have one each, compared with
    /// none.
    ///
    /// # Errors
    ///
    /// When a plugin fails.
    pub fn among_published(
        &self,
        backend: &str,
        count: usize,
        limit: Option<f64>,
    ) -> Result<Vec<Row>> {
        let network = published(backend, 0, 1);
        let [empty, crowded] = [(); 2].map(|()| Side::new(self.ours, &network));
        let others: Vec<_> = (1..=count).map(|number| published(backend, number, 1)).collect();
        crowded.fill(self.spawner, &others)?;
        let attachments = [empty.containers(1), crowded.containers(1)];
        let samples = self.one_each([&empty, &crowded], attachments)?;
        let title = format!("portmap, {backend}, with {count} other mappings");
        Ok(loaded_rows(&title, &samples, [limit, None]))
    }

    /// What one attachment costs where `count` addresses are reserved, compared with none.
    ///
    /// # Errors
    ///
    /// When a plugin fails or the reservations cannot be written.
    pub fn with_reservations(&self, count: usize, limit: f64) -> Result<Vec<Row>> {
        let network = network();
        let sides = [(); 2].map(|()| Side::new(self.ours, &network));
        sides[1].host().run(move || reserve(count))?;
        let samples = self.in_turns(&sides, 1, self.samples)?;
        let title = format!("with {count} reservations");
        Ok(loaded_rows(&title, &samples, [Some(limit); 2]))
    }

    /// Samples one attachment on each side in turns, whatever the addresses.
    pub(super) fn one_each(
        &self,
        sides: [&Side; 2],
        mut attachments: [Vec<Attachment>; 2],
    ) -> Result<[Samples; 2]> {
        let mut samples = [Samples::default(), Samples::default()];
        for _ in 0..self.samples {
            for ((side, one), samples) in sides.iter().zip(&mut attachments).zip(&mut samples) {
                samples.adds.push(side.add(self.spawner, one)?);
                samples.dels.push(side.del(self.spawner, one)?);
                one[0].forget();
            }
        }
        Ok(samples)
    }

    /// Samples both sides in turns, so that both have the machine's good and bad moments.
    fn in_turns(&self, sides: &[Side; 2], at_once: usize, rounds: usize) -> Result<[Samples; 2]> {
        let mut attachments = sides.each_ref().map(|side| side.containers(at_once));
        let mut samples = [Samples::default(), Samples::default()];
        for round in 0..=rounds {
            for ((side, attachments), samples) in
                sides.iter().zip(&mut attachments).zip(&mut samples)
            {
                let add = side.add(self.spawner, attachments)?;
                let addresses: HashSet<_> =
                    attachments.iter().flat_map(|attachment| attachment.addresses()).collect();
                ensure!(addresses.len() == at_once, "two attachments have the same address");
                let del = side.del(self.spawner, attachments)?;
                attachments.iter_mut().for_each(|attachment| attachment.forget());
                // The first round makes the bridge and warms the caches.
                if round > 0 {
                    samples.adds.push(add);
                    samples.dels.push(del);
                }
            }
        }
        Ok(samples)
    }
}

/// Rows that compare our plugins under a load with our plugins without; the limits are those of
/// the wall times of ADD and DEL.
fn loaded_rows(
    title: &str,
    [empty, loaded]: &[Samples; 2],
    [add_limit, del_limit]: [Option<f64>; 2],
) -> Vec<Row> {
    let row = |what: &str, unit, limit, value: fn(&Samples) -> f64| Row {
        title: format!("{title}, against none: {what}"),
        unit,
        ours: value(loaded),
        base: Some(value(empty)),
        limit,
    };
    vec![
        row("ADD, wall", Unit::Ms, add_limit, |s| wall(&s.adds)),
        row("ADD, peak memory", Unit::Kib, None, |s| peak(&s.adds)),
        row("DEL, wall", Unit::Ms, del_limit, |s| wall(&s.dels)),
    ]
}

/// Writes reservations as the reference's host-local does.
fn reserve(count: usize) -> Result<()> {
    let folder = Path::new("/var/lib/cni/networks/bench");
    fs::create_dir_all(folder)?;
    let mut last = String::new();
    for number in 2..count + 2 {
        last = format!("10.88.{}.{}", number / 256, number % 256);
        fs::write(folder.join(&last), format!("other{number}\r\neth0"))
            .context("write a reservation")?;
    }
    fs::write(folder.join("last_reserved_ip.0"), last).context("write the last reservation")
}

pub(super) fn wall(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.wall_ms).collect())
}

pub(super) fn cpu(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.cpu_ms).collect())
}

pub(super) fn peak(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.peak_kib).collect())
}
