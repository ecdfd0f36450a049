using System.Buffers.Binary;

namespace OrleansLLM.Abstractions.Tests;

public sealed class JournalReaderTests
{
    /// <summary>A change of version 1 whose sampling follows, up to the count of its biases: 7 numbers of four bytes.</summary>
    private static readonly byte[] UpToBiases = [1, 0, 0, 1, .. new byte[28]];

    [Fact]
    public void A_flag_that_is_neither_0_nor_1_is_refused_with_its_place() =>
        Refuses([1, 0, 2, 0], "The journal holds 2 at byte 2, where only 0 or 1 can stand.");

    [Fact]
    public void Bytes_that_end_too_early_are_refused_with_the_place_and_what_is_missing() =>
        Refuses([1, 1, 5, 0], "The journal is cut off: byte 2 should begin 4 bytes, 2 are left.");

    [Fact]
    public void Bytes_behind_the_end_are_refused_with_their_place_and_number() =>
        Refuses([1, 0, 0, 0, 9, 9, 9], "The journal ends at byte 4, but 3 more bytes follow.");

    [Fact]
    public void A_list_longer_than_what_is_left_is_refused_before_memory_is_taken() =>
        Refuses([.. UpToBiases, .. Int(1_000_000_000), 1, 2, 3], "The journal announces 1000000000 items at byte 32; 3 bytes are left.");

    [Fact]
    public void A_list_of_fewer_than_no_items_is_refused() =>
        Refuses([.. UpToBiases, .. Int(-1)], "The journal announces -1 items at byte 32; 0 bytes are left.");

    [Fact]
    public void Ids_that_four_bytes_each_leave_no_room_for_are_refused() =>
        Refuses([.. UpToBiases, .. Int(0), .. Int(2), 1, 2, 3, 4, 5, 6, 7], "The journal announces 2 items at byte 36; 7 bytes are left.");

    private static void Refuses(byte[] change, string message) =>
        Assert.Equal(message, Assert.Throws<JournalFormatException>(() => JournalFormat.ReadChange(change)).Message);

    private static byte[] Int(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
