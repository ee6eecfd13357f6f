// Reads files of the package `box`, each in another way, and prints what it got as JSON: `node files.cjs paths`, `links`, `programs` or
// `descriptors`. No file is used twice: each has to be fetched by the way it is reached.

const fs = require("node:fs");
const paths = require("node:path");
const { pathToFileURL } = require("node:url");

const root = paths.dirname(require.resolve("box"));
const start = process.cwd();
let used = 0;
const next = () => `data/${++used}.txt`;
const called = (step) => new Promise((resolve, reject) => step((error, value) => (error ? reject(error) : resolve(value))));

// What each step gives, or the code of its error.
async function results(steps) {
  const got = [];
  for (const step of steps) {
    try {
      const value = await step();
      got.push(Buffer.isBuffer(value) ? value.toString() : value);
    } catch (error) {
      got.push(error.code ?? String(error));
    }
  }
  return got;
}

async function readPaths() {
  const around = `${paths.dirname(root)}//./${paths.basename(root)}/data/../`;
  const below = paths.relative(start, root) + "/";
  const got = await results([
    () => fs.readFileSync(below + next(), "utf8"),
    () => fs.readFileSync(around + next(), "utf8"),
    () => fs.readFileSync(Buffer.from(below + next())),
    () => fs.readFileSync(new Uint8Array(Buffer.from(around + next()))),
    () => fs.readFileSync(new URL(`data//${paths.basename(next())}`, pathToFileURL(root + "/"))),
    () => called((done) => fs.readFile(below + next(), done)),
    () => fs.promises.readFile(around + next()),
    () => called((done) => fs.stat(below + next(), done)).then((status) => status.size),
    () => fs.existsSync(below + next()),
    () => called((done) => fs.exists(around + next(), (is) => done(null, is))),
    () => fs.realpathSync.native(below + next()).startsWith(root),
    () => called((done) => fs.realpath.native(around + next(), done)).then((path) => path.startsWith(root)),
    () => fs.createReadStream(below + next()).toArray().then(Buffer.concat),
    () => fs.readdirSync(below + "more").join(),
  ]);
  const from = (folder, step) => () => {
    process.chdir(folder);
    return step();
  };
  got.push(...await results([
    ...["/", paths.dirname(root), root].map((folder) => from(folder, () => fs.readFileSync(paths.relative(folder, `${root}/${next()}`)))),
    () => fs.readFileSync("./" + next()),
    () => fs.promises.readFile("data/../" + next()),
  ]));
  fs.writeFileSync(start + "/mine", "{}");
  const refused = await results([
    () => fs.writeFileSync("package.json", "{}"),
    () => fs.appendFileSync(Buffer.from("package.json"), "{}"),
    () => fs.promises.writeFile("data/../package.json", "{}"),
    () => called((done) => fs.chmod("package.json", 0o777, done)),
    () => fs.renameSync(start + "/mine", "package.json"),
    () => fs.openSync(`${root}/data/..//package.json`, "w"),
  ]);
  process.chdir(start);
  fs.writeFileSync("package.json", "mine");
  return { got, refused, here: [fs.readFileSync(root + "/package.json", "utf8"), fs.readFileSync("package.json", "utf8")] };
}

function readLinks() {
  process.chdir(root);
  return results([
    () => fs.readlinkSync(root + "/link1"),
    () => fs.readlinkSync("link2"),
    () => called((done) => fs.readlink(root + "/link3", done)),
    () => fs.promises.readlink(root + "/link4"),
    () => fs.promises.readlink(Buffer.from("link5"), { encoding: "buffer" }),
    () => fs.readlinkSync(root + "/none"),
    () => fs.readlinkSync(root + "/" + next()),
  ]);
}

function startPrograms() {
  const { execFile, execFileSync, fork, spawn, spawnSync } = require("node:child_process");
  const output = (child) => new Promise((resolve, reject) => {
    let text = "";
    child.on("error", reject).on("close", () => resolve(text)).stdout.on("data", (part) => (text += part));
  });
  const file = () => `${root}/${next()}`;
  return results([
    () => output(spawn("cat", [file()])),
    () => spawnSync("cat", [file()]).stdout,
    () => execFileSync("cat", [file()]),
    () => called((done) => execFile("cat", [file()], done)),
    () => execFileSync("cat", [paths.relative(start, file())]),
    () => execFileSync("cat", [next()], { cwd: root }),
    () => output(spawn("cat", [next()], { cwd: pathToFileURL(root) })),
    () => output(fork(root + "/child.cjs", [file()], { stdio: ["ignore", "pipe", "inherit", "ipc"] })),
    () => execFileSync(root + "/tool1", [file()]),
    () => output(spawn("./tool2", [next()], { cwd: root })),
    () => output(spawn(root + "/nothing")),
  ]);
}

// Closes what others in this process opened, and opens files of its own under the numbers.
function takeDescriptors() {
  const read = () => fs.readFileSync(`${root}/${next()}`, "utf8");
  const targetOf = (number) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${number}`);
    } catch {
      return "";
    }
  };
  const take = (path) => {
    const numbers = fs.readdirSync("/proc/self/fd").map(Number).filter((number) => number > 2 && targetOf(number).startsWith(path));
    for (const number of numbers) fs.closeSync(number);
    // The lowest that is free comes next.
    const mine = numbers.map((number, index) => fs.openSync(`taken${index}`, "w+"));
    const got = [read(), read()];
    const sizes = mine.map((number) => fs.fstatSync(number).size);
    for (const number of mine) fs.closeSync(number);
    return { numbers: numbers.join() === mine.join() && numbers.length, sizes, got: [...got, read(), read()] };
  };
  read();
  return [take(process.env.RX_LOADER_USES), take("socket:")];
}

const steps = { paths: readPaths, links: readLinks, programs: startPrograms, descriptors: takeDescriptors };
Promise.resolve(steps[process.argv[2]]()).then((got) => console.log(JSON.stringify(got)));
