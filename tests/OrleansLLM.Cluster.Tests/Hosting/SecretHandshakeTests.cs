using System.IO.Pipelines;
using System.Text;

namespace OrleansLLM.Cluster.Tests.Hosting;

public sealed class SecretHandshakeTests
{
    private static readonly string Ours = new('a', 32);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Silos_of_one_secret_meet_and_what_follows_is_left_in_the_pipe()
    {
        var (connecting, listening) = Pair();
        var (accepting, connected) = (Of(Ours).AcceptAsync(listening, Cancellation), Of(Ours).ConnectAsync(connecting, Cancellation));
        Assert.Null(await connected);
        await connecting.Output.WriteAsync("behind"u8.ToArray(), Cancellation);
        Assert.Null(await accepting);
        var read = await listening.Input.ReadAtLeastAsync(6, Cancellation);
        Assert.Equal("behind", Encoding.ASCII.GetString(read.Buffer));
    }

    [Fact]
    public async Task Another_secret_is_refused_and_both_sides_say_so()
    {
        var (connecting, listening) = Pair();
        var accepting = Of(Ours).AcceptAsync(listening, Cancellation);
        Assert.Equal("it refused this silo's cluster secret (--cluster-secret-file)", await Of(new string('b', 32)).ConnectAsync(connecting, Cancellation));
        Assert.Equal("it has another cluster secret (--cluster-secret-file)", await accepting);
    }

    /// <summary>A listener that only says yes, or sends back what it was sent, knows nothing.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_listener_that_proves_nothing_is_refused(bool sendsBack)
    {
        var (connecting, listening) = Pair();
        var connected = Of(Ours).ConnectAsync(connecting, Cancellation);
        var hello = await TakeAsync(listening.Input, 40);
        await listening.Output.WriteAsync(hello, Cancellation);
        var proof = await TakeAsync(listening.Input, 32);
        await listening.Output.WriteAsync((byte[])[1, .. sendsBack ? proof : new byte[32]], Cancellation);
        Assert.Equal("it has another cluster secret (--cluster-secret-file)", await connected);
    }

    [Fact]
    public async Task A_listener_tells_a_stranger_nothing_that_hangs_on_the_secret()
    {
        var (connecting, listening) = Pair();
        var accepting = Of(Ours).AcceptAsync(listening, Cancellation);
        await connecting.Output.WriteAsync((byte[])[.. "OLLMSIL1"u8, .. new byte[32]], Cancellation);
        Assert.Equal("OLLMSIL1"u8.ToArray(), (await TakeAsync(connecting.Input, 40))[..8]);
        await connecting.Output.WriteAsync(new byte[32], Cancellation);
        Assert.Equal("it has another cluster secret (--cluster-secret-file)", await accepting);
        await listening.Output.CompleteAsync();
        Assert.Equal([0], await TakeAsync(connecting.Input, 1));
        Assert.True((await connecting.Input.ReadAsync(Cancellation)).IsCompleted);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")]
    [InlineData("")]
    [InlineData("OLLMSIL1 and then it leaves")]
    public async Task Who_speaks_otherwise_or_leaves_is_refused(string sent)
    {
        var (connecting, listening) = Pair();
        var accepting = Of(Ours).AcceptAsync(listening, Cancellation);
        await connecting.Output.WriteAsync(Encoding.ASCII.GetBytes(sent), Cancellation);
        await connecting.Output.CompleteAsync();
        Assert.Equal("it does not speak this program's handshake", await accepting);
    }

    [Fact]
    public async Task Who_says_nothing_is_waited_for_no_longer_than_the_limit()
    {
        using var limit = new CancellationTokenSource();
        var accepting = Of(Ours).AcceptAsync(Pair().Listening, limit.Token);
        await limit.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
    }

    [Theory]
    [InlineData("0123456789abcde")]
    [InlineData("  0123456789abcde\n")]
    [InlineData("")]
    public void A_short_secret_is_refused(string text) =>
        Assert.Contains("must hold 16 to 4096 bytes", Assert.Throws<SiloStartException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void White_space_at_a_secrets_ends_counts_for_nothing()
    {
        Assert.Equal(Read(Ours).Sign("test"), Read($"{Ours}\r\n").Sign("test"));
        Assert.NotEqual(Read(Ours).Sign("test"), Read($"{Ours}b").Sign("test"));
        Assert.NotEqual(Read(Ours).Sign("test", [1], [2, 3]), Read(Ours).Sign("test", [1, 2], [3]));
        Assert.NotEqual(Read(Ours).Sign("test"), Read(Ours).Sign("another"));
        Assert.DoesNotContain(Ours, Read(Ours).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_that_is_not_there_is_named() =>
        Assert.StartsWith("--cluster-secret-file can't be read: ", Assert.Throws<SiloStartException>(() => ClusterSecret.Read("/no/such/file")).Message, StringComparison.Ordinal);

    private static SecretHandshake Of(string secret) => new(Read(secret));

    private static ClusterSecret Read(string text)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            return ClusterSecret.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<byte[]> TakeAsync(PipeReader reader, int count)
    {
        var result = await reader.ReadAtLeastAsync(count, Cancellation);
        var bytes = System.Buffers.BuffersExtensions.ToArray(result.Buffer.Slice(0, count));
        reader.AdvanceTo(result.Buffer.GetPosition(count));
        return bytes;
    }

    private static (IDuplexPipe Connecting, IDuplexPipe Listening) Pair()
    {
        var (there, back) = (new Pipe(), new Pipe());
        return (new Duplex(back.Reader, there.Writer), new Duplex(there.Reader, back.Writer));
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
