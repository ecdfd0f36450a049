using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class RemoteReadersTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<SequenceId> _abandoned = [];
    private readonly SequenceLogs _logs;
    private readonly RemoteReaders _readers;
    private readonly SequenceId _id = new(RequestId.Create(), 0);
    private readonly Guid _reader = Guid.NewGuid();

    public RemoteReadersTests()
    {
        _logs = new SequenceLogs(new SequenceLogOptions(), _time, _abandoned.Add);
        _readers = new RemoteReaders(_logs, _time);
        _logs.Open(new GenerationRequest { Id = _id.Request, Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 9 }, [_id], default);
        _logs.Hold([_id]);
        Append(3, 50);
    }

    public void Dispose() => _logs.Dispose();

    [Fact]
    public async Task Who_came_once_counts_for_as_long_as_it_says_that_it_stays()
    {
        Assert.Equal(50, (await ReadAsync(3))!.ToRange().Ids.ToArray().Single());
        for (var word = 0; word < 3; word++)
        {
            _time.Advance(Adoption.Linger - TimeSpan.FromTicks(1));
            Assert.True(_readers.Attend(_reader, leaving: null));
        }

        Assert.Empty(_abandoned);
        _time.Advance(Adoption.Linger);
        Assert.Equal([_id], _abandoned);
        Assert.False(_readers.Attend(_reader, leaving: null));
    }

    [Fact]
    public async Task A_visit_that_waits_ends_where_its_reader_leaves()
    {
        var waiting = ReadAsync(4);
        Assert.True(_readers.Attend(_reader, TimeSpan.Zero));
        Assert.Empty((await waiting)!.ToRange().Ids.ToArray());
        Assert.Equal([_id], _abandoned);
        Assert.False(_readers.Attend(_reader, TimeSpan.Zero));
    }

    [Fact]
    public async Task Where_its_gateway_stops_the_sequence_is_held_for_who_comes_back()
    {
        await ReadAsync(3);
        _readers.Attend(_reader, Adoption.Linger);
        _time.Advance(Adoption.Linger - TimeSpan.FromTicks(1));
        Assert.Empty(_abandoned);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal([_id], _abandoned);
    }

    [Fact]
    public async Task One_that_leaves_takes_nobody_with_it()
    {
        await ReadAsync(3);
        await _readers.ReadAsync(_id, 3, Guid.NewGuid());
        _readers.Attend(_reader, TimeSpan.Zero);
        Assert.Empty(_abandoned);
    }

    [Fact]
    public async Task Nothing_comes_for_a_while_and_what_is_unknown_is_said_so()
    {
        var waiting = ReadAsync(4);
        _time.Advance(TimeSpan.FromSeconds(1));
        var reply = (await waiting)!;
        Assert.Equal((4, 0), (reply.Start, reply.Ids.Length));
        Assert.Null(await _readers.ReadAsync(new SequenceId(RequestId.Create(), 0), 0, Guid.NewGuid()));
    }

    [Fact]
    public async Task Who_has_read_the_end_needs_no_farewell()
    {
        await ReadAsync(3);
        _logs.End(_id, new SequenceEnd(FinishReason.Stop));
        Assert.Equal(FinishReason.Stop, (await ReadAsync(4))!.End!.Reason);
        Assert.False(_readers.Attend(_reader, TimeSpan.Zero));
        Assert.Empty(_abandoned);
    }

    private Task<RangeReply?> ReadAsync(int from) => _readers.ReadAsync(_id, from, _reader);

    private void Append(int position, int token) => _logs.Append(new StepEntry(_id, default, position, token, null, null, 0, null));
}
