using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace OrleansLLM.Cluster.Tests.Clustering;

public sealed partial class FileMembershipTableTests : MembershipContract
{
    private const int Stop = 19;
    private const int Continue = 18;

    private readonly string _root = Directory.CreateTempSubdirectory("membership-").FullName;

    private string Folder => Path.Combine(_root, ClusterId);

    protected override async Task<IMembershipTable> OpenAsync(string clusterId)
    {
        IMembershipTable table = new FileMembershipTable(_root, clusterId);
        await table.InitializeMembershipTableAsync(true, Cancellation);
        return table;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task Random_operations_of_several_writers_give_what_the_table_in_memory_gives()
    {
        var random = new Random(12);
        var model = new ModelTable();
        IMembershipTable[] tables = [Table, await OpenAsync(ClusterId), await OpenAsync(ClusterId)];
        var read = new MembershipTableData[tables.Length];
        var written = new Dictionary<(int Reader, SiloAddress Silo), int>();
        await ReadAsync(0);
        await ReadAsync(1);
        await ReadAsync(2);
        for (var operation = 0; operation < 400; operation++)
        {
            var writer = random.Next(tables.Length);
            var (table, data) = (tables[writer], read[writer]);
            var entry = Entry(random.Next(1, 6), (SiloStatus)random.Next(1, 7));
            entry.SuspectTimes = [.. Enumerable.Range(0, random.Next(3)).Select(vote => Tuple.Create(Silo(vote), Noon.AddTicks(random.Next())))];
            entry.IAmAliveTime = Noon.AddTicks(random.NextInt64(1L << 40));
            switch (random.Next(5))
            {
                case 0:
                    Assert.Equal(model.Insert(entry, data.Version.Version), await table.InsertRowAsync(entry, data.Version.Next(), Cancellation));
                    break;
                case 1 when data.TryGet(entry.SiloAddress) is { } row:
                    Assert.Equal(
                        model.Update(entry, written[(writer, entry.SiloAddress)], data.Version.Version), await table.UpdateRowAsync(entry, row.Item2, data.Version.Next(), Cancellation));
                    break;
                case 2 when data.TryGet(entry.SiloAddress) is not null:
                    await table.UpdateIAmAliveAsync(entry, Cancellation);
                    model.SayAlive(entry.SiloAddress, entry.IAmAliveTime);
                    break;
                default:
                    await ReadAsync(writer);
                    break;
            }
        }

        async Task ReadAsync(int reader)
        {
            read[reader] = await tables[reader].ReadAllAsync(Cancellation);
            Assert.Equal(model.Text(), ModelTable.Describe(read[reader]));
            foreach (var (row, _) in read[reader].Members)
            {
                written[(reader, row.SiloAddress)] = model.Written(row.SiloAddress);
            }
        }
    }

    [Fact]
    public async Task Only_the_newest_versions_are_kept()
    {
        await InsertAsync(Entry(1));
        for (var write = 0; write < 50; write++)
        {
            var data = await Table.ReadAllAsync(Cancellation);
            Assert.True(await Table.UpdateRowAsync(Entry(1), data.Members[0].Item2, data.Version.Next(), Cancellation));
        }

        Assert.Equal(MembershipFolder.KeptVersions, Directory.GetFiles(Folder).Length);
    }

    /// <summary>It had read the table before so many others wrote that the number it takes is free again.</summary>
    [Fact]
    public async Task Who_stood_still_while_many_versions_came_is_told_that_nothing_was_written()
    {
        var folder = new MembershipFolder(Folder);
        var late = folder.ReadNewest()!.With(Entry(9));
        for (var version = 1; version <= MembershipContent.KeptAncestors + 2; version++)
        {
            Assert.True(folder.TryPublish(folder.ReadNewest()!.With(Entry(1))));
            Assert.True(version >= MembershipContent.KeptAncestors || !folder.TryPublish(late));
        }

        Assert.Throws<IOException>(() => folder.TryPublish(late));
        Assert.Null((await Table.ReadAllAsync(Cancellation)).TryGet(Silo(9)));
        Assert.Equal(MembershipContent.KeptAncestors + 2, (await Table.ReadAllAsync(Cancellation)).Version.Version);
    }

    /// <summary>What a process leaves that is killed at any instant: a file that is being written, a version without its clean-up.</summary>
    [Fact]
    public async Task What_killed_writers_left_hinders_nobody()
    {
        File.WriteAllText(Path.Combine(Folder, "writing-1"), "half of a versi");
        File.SetLastWriteTimeUtc(Path.Combine(Folder, "writing-1"), DateTime.UtcNow - TimeSpan.FromHours(1));
        File.WriteAllText(Path.Combine(Folder, "writing-2"), "another");
        File.WriteAllText(Path.Combine(Folder, $"alive-{Silo(1).ToParsableString().Replace(':', '_')}"), "");
        await InsertAsync(Entry(1));
        Assert.Equal(Noon, (await Table.ReadAllAsync(Cancellation)).Members[0].Item1.IAmAliveTime);
        Assert.False(File.Exists(Path.Combine(Folder, "writing-1")));
        Assert.True(File.Exists(Path.Combine(Folder, "writing-2")));
    }

    [Fact]
    public async Task A_file_of_others_in_the_folder_is_named_before_anything_is_written()
    {
        var foreign = Path.Combine(_root, "other", "notes.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(foreign)!);
        await File.WriteAllTextAsync(foreign, "mine", Cancellation);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => OpenAsync("other"));
        Assert.StartsWith($"{foreign} is no file of a membership table", error.Message, StringComparison.Ordinal);
        Assert.Equal([foreign], Directory.GetFiles(Path.GetDirectoryName(foreign)!));
    }

    [Fact]
    public async Task Damaged_files_are_named_and_never_believed()
    {
        await InsertAsync(Entry(1, SiloStatus.Dead));
        var path = Path.Combine(Folder, "version-0000000001");
        var sound = await File.ReadAllBytesAsync(path, Cancellation);
        var random = new Random(5);
        for (var mutation = 0; mutation < 3000; mutation++)
        {
            var damaged = Damage(sound, random);
            try
            {
                MembershipFormat.Read(path, 1, damaged);
                Assert.Equal(sound, damaged);
            }
            catch (InvalidDataException error)
            {
                Assert.StartsWith($"{path} is no membership file", error.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>Content that was damaged before its hash was made, or by another hand: still an error with the path, or a table.</summary>
    [Fact]
    public async Task Content_that_cannot_be_is_named()
    {
        await InsertAsync(Entry(1, SiloStatus.Dead));
        var path = Path.Combine(Folder, "version-0000000001");
        var sound = await File.ReadAllBytesAsync(path, Cancellation);
        var json = sound[(Array.IndexOf(sound, (byte)'\n') + 1)..];
        var random = new Random(6);
        var refused = 0;
        for (var mutation = 0; mutation < 3000; mutation++)
        {
            try
            {
                Assert.Equal(1, MembershipFormat.Read(path, 1, Sealed(Damage(json, random))).Version);
            }
            catch (InvalidDataException error)
            {
                refused++;
                Assert.StartsWith($"{path} is no membership file", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 1000, 3000);
        Assert.Throws<InvalidDataException>(() => MembershipFormat.Read(path, 2, sound));
    }

    [Fact]
    public async Task A_table_whose_files_somebody_deleted_is_empty_and_one_whose_root_is_away_is_away()
    {
        await InsertAsync(Entry(1));
        Directory.Delete(Folder, recursive: true);
        Assert.Equal(0, (await Table.ReadAllAsync(Cancellation)).Version.Version);
        await InsertAsync(Entry(2));
        Directory.Move(_root, _root + "-away");
        await Assert.ThrowsAsync<DirectoryNotFoundException>(() => Table.ReadAllAsync(Cancellation));
        Directory.Move(_root + "-away", _root);
        Assert.Single((await Table.ReadAllAsync(Cancellation)).Members);
    }

    /// <summary>Real processes, stopped, woken and killed at random instants; each says which versions it wrote.</summary>
    [Fact]
    public async Task Processes_that_are_stopped_or_killed_at_any_instant_block_nobody_and_no_version_is_written_twice()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows stops no process by a signal.");
        var random = new Random(7);
        var killed = new List<WriterProcess>();
        var writers = Enumerable.Range(1, 4).Select(number => new WriterProcess(_root, ClusterId, number)).ToList();
        try
        {
            await Task.WhenAll(writers.Select(writer => writer.WaitForWritesAsync(1)));
            for (var round = 0; round < 25; round++)
            {
                var stopped = writers[random.Next(writers.Count)];
                stopped.Signal(Stop);
                var others = writers.Where(writer => writer != stopped).ToList();
                await Task.WhenAny(others.Select(writer => writer.WaitForWritesAsync(writer.Writes + random.Next(1, 4))));
                stopped.Signal(Continue);
                if (round % 5 == 4)
                {
                    await stopped.KillAsync();
                    writers[writers.IndexOf(stopped)] = new WriterProcess(_root, ClusterId, stopped.Number);
                    killed.Add(stopped);
                }
            }
        }
        finally
        {
            await Task.WhenAll(writers.Select(writer => writer.KillAsync()));
        }

        var versions = writers.Concat(killed).SelectMany(writer => writer.Versions).ToList();
        Assert.Equal(versions.Count, versions.Distinct().Count());
        var last = (await Table.ReadAllAsync(Cancellation)).Version.Version;
        Assert.InRange(last, versions.Max(), versions.Count + killed.Count + writers.Count); // each may have died before it said its last
        await InsertAsync(Entry(20));
    }

    private static byte[] Damage(byte[] sound, Random random)
    {
        var damaged = sound.ToArray();
        switch (random.Next(4))
        {
            case 0:
                return damaged[..random.Next(damaged.Length)];
            case 1:
                return [.. damaged, (byte)random.Next(256)];
            case 2:
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                return damaged;
            default:
                var at = random.Next(damaged.Length);
                return [.. damaged[..at], .. damaged[Math.Min(damaged.Length, at + random.Next(20))..]];
        }
    }

    private static byte[] Sealed(byte[] json) =>
        [.. Encoding.ASCII.GetBytes($"orleansllm-membership 1 {Convert.ToHexStringLower(SHA256.HashData(json))}\n"), .. json];

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    /// <summary>This test program once more, as a silo that does nothing but write its row.</summary>
    private sealed class WriterProcess
    {
        private readonly Process _process;
        private readonly List<int> _versions = [];
        private readonly Task _reading;
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public WriterProcess(string root, string clusterId, int number)
        {
            Number = number;
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
            start.Environment[MembershipWriter.Variable] = string.Create(CultureInfo.InvariantCulture, $"{root}|{clusterId}|{number}");
            _process = Process.Start(start)!;
            _reading = ReadAsync();
        }

        public int Number { get; }

        public int Writes
        {
            get
            {
                lock (_versions)
                {
                    return _versions.Count;
                }
            }
        }

        public IReadOnlyList<int> Versions => _versions;

        public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

        public async Task KillAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
            await _reading;
        }

        public async Task WaitForWritesAsync(int count)
        {
            var limit = Stopwatch.StartNew();
            while (Writes < count)
            {
                var changed = _changed.Task;
                Assert.True(limit.Elapsed < TimeSpan.FromSeconds(60), "A writer wrote nothing for a minute.");
                await Task.WhenAny(changed, Task.Delay(200, Cancellation));
            }
        }

        private async Task ReadAsync()
        {
            while (await _process.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
            {
                lock (_versions)
                {
                    _versions.Add(int.Parse(line, CultureInfo.InvariantCulture));
                }

                Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
            }
        }
    }
}
