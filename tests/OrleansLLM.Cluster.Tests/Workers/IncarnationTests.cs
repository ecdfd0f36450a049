using System.Net;

namespace OrleansLLM.Cluster.Tests;

public sealed class IncarnationTests
{
    [Fact]
    public void A_later_life_has_a_higher_number()
    {
        var before = Incarnation.Of(Silo(1, 100), 0, 200);
        Assert.True(Incarnation.Of(Silo(1, 100), 0, 201) > before);
        Assert.True(Incarnation.Of(Silo(2, 101), 0, 0) > before);
        Assert.True(before > 0);
    }

    [Fact]
    public void Workers_that_start_in_the_same_second_have_different_numbers()
    {
        var numbers = Enumerable.Range(11111, 30).SelectMany(port => Enumerable.Range(0, 8).Select(device => Incarnation.Of(Silo(port, 100), device, 0)));
        Assert.Distinct(numbers);
    }

    private static SiloAddress Silo(int port, int generation) => SiloAddress.New(IPAddress.Loopback, port, generation);
}
